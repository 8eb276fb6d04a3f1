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
	flag.Parse()
	if err := run(ctx, *describe, *commit); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, describe, commit string) error {
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: want the seconds since 1970 of the last commit: %w", err)
	}
	date := time.Unix(epoch, 0).UTC()
	b := &build{ctx: ctx, date: date, version: packageVersion(describe, date), commit: commit, shown: cmp.Or(describe, "dev")}
	for _, step := range []func() error{
		b.clean, b.binaries, b.documents, b.packages, b.tarballs, b.distributor, b.materials, b.sums,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
