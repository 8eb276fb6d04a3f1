// Command pack builds what is released: the binaries, deb, rpm and apk
// packages, tarballs, zips and manifest for the Distributor of Systems Manager,
// a bill of materials for each binary, and the sums of all of them. The same
// source gives the same bytes, in any directory and at any time; only PGP
// signatures carry a time.
//
// It reads the environment: SOURCE_DATE_EPOCH (required) is the time in all
// archives; SIGN_PGP_KEY is a file with a private key that signs deb and rpm,
// SIGN_APK_KEY one that signs apk, NFPM_PASSPHRASE opens them; SIGN_COMMAND is
// run by sh with the path of SHA256SUMS added.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	describe := flag.String("version", "", "what git describe says, or x.y.z")
	commit := flag.String("commit", "", "commit to show in the version")
	gcflags := flag.String("gcflags", "", "what the compiler is told, as by go build")
	asRelease := flag.Bool("release", false, "refuse a version that is not x.y.z or not in the changelog")
	flag.Parse()
	b := &build{ctx: ctx, shown: cmp.Or(*describe, "dev"), commit: *commit, gcflags: *gcflags}
	if err := run(b, *asRelease); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(b *build, asRelease bool) error {
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: want the seconds since 1970 of the last commit: %w", err)
	}
	b.date = time.Unix(epoch, 0).UTC()
	b.version = packageVersion(b.shown, b.date)
	if asRelease {
		if err := releasable(b.shown); err != nil {
			return err
		}
	}
	for _, step := range []func() error{
		b.clean, b.binaries, b.documents, b.packages, b.tarballs, b.distributor, b.materials, b.sums,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// releasable tells whether a version may be released: its changes are written
// up under its own heading, and none wait for another one.
func releasable(version string) error {
	text, err := os.ReadFile(changelogFile)
	if err != nil {
		return err
	}
	if err := released(string(text), version); err != nil {
		return fmt.Errorf("%s: %w", changelogFile, err)
	}
	return nil
}
