package host

import (
	"strings"

	"vpcdoctor/probe/host/sysfile"
)

// container names the container runtime around us; empty when no hint is seen.
// The most specific hint wins: a Kubernetes pod also has its runtime's marks.
func container(root sysfile.Root, getenv func(string) string) string {
	exists := func(name string) bool {
		_, err := root.Stat(name)
		return err == nil
	}
	cgroup, _ := root.Read("/proc/self/cgroup", 64<<10) // its first lines are as good as all
	hint := containerOf(string(cgroup))
	switch {
	case getenv("KUBERNETES_SERVICE_HOST") != "", hint == "kubernetes":
		return "kubernetes"
	case getenv("ECS_CONTAINER_METADATA_URI_V4") != "", hint == "ecs":
		return "ecs"
	case exists("/.dockerenv"):
		return "docker"
	case exists("/run/.containerenv"):
		return "podman"
	case hint != "":
		return hint
	}
	// systemd writes the name of the container manager that started it here.
	return line(root, "/run/systemd/container")
}

// containerOf names the runtime whose path a process's control groups have.
// A runtime of the host itself has such words too, but as its own service
// ("/system.slice/docker.service"), which is not inside a container.
func containerOf(cgroup string) string {
	for l := range strings.Lines(cgroup) {
		_, path, ok := strings.Cut(strings.TrimSpace(l), ":") // "0::/path" or "5:devices:/path"
		if ok {
			_, path, ok = strings.Cut(path, ":")
		}
		if !ok {
			continue
		}
		for _, h := range []struct{ in, name string }{
			{"/kubepods", "kubernetes"},
			{"/ecs/", "ecs"},
			{"/docker/", "docker"},
			{"/docker-", "docker"}, // docker-<id>.scope
			{"/libpod-", "podman"},
			{"/lxc/", "lxc"},
			{"/lxc.payload", "lxc"},
		} {
			if strings.Contains(path, h.in) {
				return h.name
			}
		}
	}
	return ""
}
