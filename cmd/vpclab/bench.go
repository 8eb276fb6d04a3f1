//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vpcdoctor/cmd/vpclab/lab"
	"vpcdoctor/cmd/vpclab/scenario"
	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/catalog"
	"vpcdoctor/probe/fact"
)

// bench is one measurement: a world, a command line, and what it may cost.
type bench struct {
	name    string
	world   *world.World
	args    []string
	maxWall time.Duration
	maxCPU  time.Duration // 0: not bounded
	maxRSS  int64         // bytes; 0: not bounded
	model   bool          // hold the wall time against the model, not against maxWall
	config  string        // content of the configuration file
}

func benchCommand() *cobra.Command {
	var doctor string
	var runs int
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the built binary in the simulated VPC against its budgets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			path, err := built(doctor)
			if err != nil {
				return err
			}
			return benchAll(path, runs)
		},
	}
	c.Flags().StringVar(&doctor, "vpcdoctor", "bin/vpcdoctor", "the built `BINARY`")
	c.Flags().IntVar(&runs, "runs", 5, "of each measurement; the median is shown")
	return c
}

// benches are the budgets of README, "Speed and size".
func benches() []bench {
	const mb = 1_000_000
	private := privateHosts(240)
	out := []bench{
		{name: "session-manager, healthy", world: healthyWorld(), maxWall: 300 * time.Millisecond, maxRSS: 25 * mb},
		{name: "--all us-east-1, 240 private", world: scenario.Region(private), args: []string{"--all"},
			maxWall: 3 * time.Second, maxCPU: time.Second, maxRSS: 40 * mb},
	}
	for _, n := range []int{10, 50, 200, 1000} {
		w, hosts := scenario.Custom(n, 20*time.Millisecond)
		out = append(out, bench{name: fmt.Sprintf("%d private targets, 20 ms", n), world: w, config: configFor(hosts),
			args: []string{"--config", "load.yaml", "--budget", "60s", "--no-signed"}, model: true})
	}
	return append(out,
		bench{name: "everything black-holed, --all", world: scenario.BlackHole(scenario.Region(private)), args: []string{"--all"},
			maxWall: 10*time.Second + 500*time.Millisecond, maxRSS: 40 * mb},
		bench{name: "session-manager, black-holed", world: scenario.BlackHole(healthyWorld()),
			maxWall: 10*time.Second + 500*time.Millisecond, maxRSS: 40 * mb},
		bench{name: "IMDS black-holed", world: scenario.SilentIMDS(healthyWorld()), maxWall: 5 * time.Second, maxRSS: 25 * mb})
}

func healthyWorld() *world.World {
	s, err := scenario.Find("healthy")
	if err != nil {
		panic(err) // the list is part of this program
	}
	return s.World(1)
}

// privateHosts are the first n distinct names that endpoints of us-east-1 take
// over.
func privateHosts(n int) []string {
	ts, _, err := catalog.Embedded().Targets(catalog.Selection{Region: "us-east-1", Label: "vpcdoctor-bench", AccountID: "123456789012", All: true})
	if err != nil {
		panic(err) // the catalogue is part of this program
	}
	var hosts []string
	for _, t := range ts {
		if t.PrivateDNS == "yes" && len(hosts) < n {
			hosts = append(hosts, t.Host)
		}
	}
	return hosts
}

func configFor(hosts []string) string {
	var b strings.Builder
	b.WriteString("endpoints:\n")
	for i, h := range hosts {
		fmt.Fprintf(&b, "  - {name: svc%d, host: %s}\n", i, h)
	}
	return b.String()
}

func benchAll(doctor string, runs int) error {
	fmt.Printf("%d cores, %s, median of %d runs\n\n", runtime.NumCPU(), runtime.Version(), runs)
	fmt.Printf("%-31s %9s %9s %8s %8s %8s  %s\n", "what", "wall s", "limit s", "cpu s", "RSS MB", "packets", "")
	var faults []error
	for _, b := range benches() {
		if err := b.measure(doctor, runs); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(append(faults, costs(doctor, runs))...)
}

// sample is one run with the facts it gathered.
type sample struct {
	usage
	limit   time.Duration
	packets int
	cut     int
}

func (b *bench) measure(doctor string, runs int) error {
	var ss []sample
	for range runs {
		s, err := b.once(doctor)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		ss = append(ss, s)
	}
	mid := func(f func(sample) float64) float64 {
		slices.SortFunc(ss, func(x, y sample) int { return int(math.Copysign(1, f(x)-f(y))) })
		return f(ss[len(ss)/2])
	}
	wall := mid(func(s sample) float64 { return s.Wall.Seconds() })
	limit := mid(func(s sample) float64 { return s.limit.Seconds() })
	cpu := mid(func(s sample) float64 { return s.CPU.Seconds() })
	rss := mid(func(s sample) float64 { return float64(s.RSS) })
	packets := mid(func(s sample) float64 { return float64(s.packets) })
	var over []string
	if wall > limit {
		over = append(over, "wall")
	}
	if b.maxCPU > 0 && cpu > b.maxCPU.Seconds() {
		over = append(over, "cpu")
	}
	if b.maxRSS > 0 && rss > float64(b.maxRSS) {
		over = append(over, "memory")
	}
	note := "ok"
	if len(over) > 0 {
		note = "OVER: " + strings.Join(over, ", ")
	}
	fmt.Printf("%-31s %9.3f %9.3f %8.3f %8.1f %8.0f  %s\n", b.name, wall, limit, cpu, rss/1e6, packets, note)
	if len(over) > 0 {
		return fmt.Errorf("%s: over budget: %s", b.name, strings.Join(over, ", "))
	}
	return nil
}

// once runs the program one time in its world.
func (b *bench) once(doctor string) (sample, error) {
	s, f, err := b.facts(doctor)
	if err != nil {
		return sample{}, err
	}
	s.packets, s.cut, s.limit = f.Run.Packets.DNS, len(f.Cut), b.maxWall
	if b.model {
		s.limit = model(f, s.CPU)
	}
	return s, nil
}

// facts is one run: what it cost and what it gathered.
func (b *bench) facts(doctor string) (sample, *fact.Set, error) {
	dir, err := os.MkdirTemp("", "vpclab-bench-")
	if err != nil {
		return sample{}, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if b.config != "" {
		if err := os.WriteFile(filepath.Join(dir, "load.yaml"), []byte(b.config), 0o600); err != nil {
			return sample{}, nil, err
		}
	}
	args := []string{filepath.Join(filepath.Dir(doctor), "vpclab"), "measure", "usage.json", "--", doctor, "check", "-o", "json", "--facts", "facts.json"}
	if _, err := lab.Run(b.world, lab.Command{Args: append(args, b.args...), Dir: dir, Env: os.Environ()}, 1); err != nil {
		return sample{}, nil, err
	}
	var s sample
	if err := readJSON(filepath.Join(dir, "usage.json"), &s.usage); err != nil {
		return sample{}, nil, err
	}
	var f fact.Set
	if err := readJSON(filepath.Join(dir, "facts.json"), &f); err != nil {
		return sample{}, nil, err
	}
	return s, &f, nil
}

// slack is how much slower than the model a run may be.
const slack = 1.2

// model is the time the run cannot do without, times the slack: the slowest
// chain of one address, the DNS packets at the allowed pace, the addresses at
// the allowed width, the CPU; and a window of the pace for every 300 packets to
// the link-local services, the metadata service included, beyond the first 300.
// What signed calls add is measured apart, see agentCost.
func model(f *fact.Set, cpu time.Duration) time.Duration {
	const pace, width, window = 300, 32, 1080 * time.Millisecond
	chains := map[string]time.Duration{}
	for _, d := range f.Dials {
		chains[d.Addr.String()] += d.Took.Std()
	}
	for _, h := range f.Handshakes {
		chains[h.Addr.String()] += h.Took.Std()
	}
	for _, q := range f.Requests {
		chains[q.Addr.String()] += q.Took.Std()
	}
	var slowest, total time.Duration
	for _, c := range chains {
		slowest, total = max(slowest, c), total+c
	}
	return time.Duration(slack * float64(max(slowest,
		time.Duration(f.Run.Packets.DNS)*time.Second/pace,
		time.Duration((linkLocal(f)-1)/pace)*window,
		total/width,
		cpu/time.Duration(runtime.NumCPU()))))
}

// linkLocal counts the packets of a run that share the allowance of the
// link-local services: questions, clock samples, and what the metadata
// service's exchanges and connections are charged with.
func linkLocal(f *fact.Set) int {
	const exchange, connections, connection = 2, 4, 4
	k := f.Run.Packets
	return k.DNS + len(f.Times) + exchange*(k.IMDSPuts+k.IMDSGets) + connections*connection
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
