// Package software finds the programs on this host that call AWS, and reads
// out of their configuration which endpoints they need: the CloudWatch agent,
// CodeDeploy, ECS, EKS, image pulls from ECR, Patch Manager and others.
//
// In goes a root directory, out come facts: what was found, where, and the
// profiles and services of the catalogue that it stands for. The package reads
// files only; it starts nothing, judges nothing, and takes no key or password
// out of a file.
package software

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"

	"vpcdoctor/probe/fact"
	"vpcdoctor/probe/host/sysfile"
)

// Options says where to look.
type Options struct {
	Root string // directory that stands for "/"; empty means the real one
}

// program is one kind of software: the marks by which it is known and what
// follows from them.
type program struct {
	id       string
	marks    []string                         // files or directories; the first that exists is its Path
	binary   []string                         // executables that show it running; none: the marks
	profiles []string                         // of the catalogue
	services []string                         // beyond the profiles, by catalogue id
	read     func(r reader, s *fact.Software) // its configuration, where that changes the needs
}

// programs are in the order in which a report lists them. Sources of paths: the
// units and packages in the programs' repositories (aws-xray-daemon, amazon-ecs-
// agent, amazon-kinesis-agent, amazon-eks-ami with /etc/eks/nodeadm.d) and their
// user guides; of needs: the catalogue's profiles; all read 2026-11. The EFS
// mount helper is left out: it mounts by a name in the VPC, and asks the API
// only when that name is not found (aws/efs-utils issue 308).
var programs = []program{{
	id:       "ssm-agent",
	marks:    []string{"/usr/bin/amazon-ssm-agent", "/snap/amazon-ssm-agent/current/amazon-ssm-agent"},
	profiles: []string{"session-manager"},
}, {
	// The patching documents work in this directory (AWS-RunPatchBaseline).
	id:       "patch-manager",
	marks:    []string{"/var/log/amazon/ssm/patch-baseline-operations"},
	profiles: []string{"patch-manager"},
}, {
	id:    "cloudwatch-agent",
	marks: []string{"/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent", "/usr/bin/amazon-cloudwatch-agent"},
	read:  cloudWatchAgent,
}, {
	id:       "codedeploy-agent",
	marks:    []string{"/opt/codedeploy-agent/bin/codedeploy-agent", "/opt/codedeploy-agent"},
	profiles: []string{"codedeploy"},
}, {
	id:       "ecs-agent",
	marks:    []string{"/usr/libexec/amazon-ecs-init", "/etc/ecs/ecs.config"},
	profiles: []string{"ecs-ec2"},
	read:     ecsAgent,
}, {
	id:       "eks-node",
	marks:    []string{"/etc/eks/bootstrap.sh", "/usr/bin/nodeadm", "/etc/eks/nodeadm.d"},
	binary:   []string{"/usr/bin/kubelet"},
	profiles: []string{"eks-node"},
}, {
	id:       "ecr-login",
	marks:    []string{"/usr/bin/docker-credential-ecr-login", "/usr/local/bin/docker-credential-ecr-login"},
	profiles: []string{"ecr-pull"},
}, {
	id:       "cfn-hup",
	marks:    []string{"/etc/cfn/cfn-hup.conf"},
	binary:   []string{"/opt/aws/bin/cfn-hup"},
	profiles: []string{"cfn-bootstrap"},
}, {
	id:       "kinesis-agent",
	marks:    []string{"/usr/bin/start-aws-kinesis-agent"},
	profiles: []string{"kinesis-producer"},
	read:     kinesisAgent,
}, {
	id:       "xray-daemon",
	marks:    []string{"/usr/bin/xray"},
	services: []string{"xray"},
}}

// reader is what the steps of one Find share.
type reader struct {
	sysfile.Root
}

// Find looks for every program. It takes a few milliseconds.
func Find(ctx context.Context, o Options) []fact.Software {
	r := reader{sysfile.Root(o.Root)}
	var out []fact.Software
	for _, p := range programs {
		if ctx.Err() != nil {
			break
		}
		mark := r.firstOf(p.marks)
		if mark == "" {
			continue
		}
		s := fact.Software{Outcome: fact.Outcome{Status: fact.OK}, ID: p.id, Path: mark,
			Profiles: slices.Clone(p.profiles), Services: slices.Clone(p.services)}
		if p.read != nil {
			p.read(r, &s)
		}
		out = append(out, s)
	}
	r.markRunning(ctx, out)
	return out
}

func (r reader) firstOf(paths []string) string {
	for _, p := range paths {
		if _, err := r.Stat(p); err == nil {
			return p
		}
	}
	return ""
}

// maxProcs bounds the process table, as probe/agent does.
const maxProcs = 4096

// markRunning notes whose executables are in the process table. A program
// whose executable this user may not see counts as not running, which only
// leaves a word out of the report.
func (r reader) markRunning(ctx context.Context, found []fact.Software) {
	of := map[string]int{}
	for i, s := range found {
		of[s.Path] = i
		for _, p := range programs {
			if p.id != s.ID {
				continue
			}
			for _, b := range slices.Concat(p.marks, p.binary) {
				of[b] = i
			}
		}
	}
	if len(of) == 0 {
		return
	}
	names, err := r.Names("/proc", maxProcs)
	if err != nil {
		return
	}
	for _, n := range names {
		if _, err := strconv.Atoi(n); err != nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if exe, err := r.Readlink("/proc/" + n + "/exe"); err == nil {
			if i, ok := of[exe]; ok {
				found[i].Running = true
			}
		}
	}
}

// maxConfig bounds a configuration file; the largest in use have some 10 kB.
const maxConfig = 1 << 20

// config reads a configuration file into the fact's outcome. Absent is not a
// failure: the program then works by its defaults.
func (r reader) config(path string, s software) ([]byte, bool) {
	b, err := r.Read(path, maxConfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false
	case errors.Is(err, fs.ErrPermission):
		s.Config, s.Outcome = path, fact.Skip("needs root")
		return nil, false
	case err != nil:
		s.Config = path
		s.fail(classOf(err), err)
		return nil, false
	}
	s.Config = path
	return b, true
}
