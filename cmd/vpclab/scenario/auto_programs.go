package scenario

import (
	"strings"

	"vpcdoctor/cmd/vpclab/world"
)

// autoScenarios are hosts with other programs that call AWS: `check --auto`
// finds them, and what they need.
func autoScenarios() []Scenario {
	all := autoPrograms()
	for i := range all {
		all[i].Args = append([]string{"--auto"}, all[i].Args...)
	}
	return all
}

// Marks of programs.
const (
	cloudWatchBin  = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent"
	cloudWatchJSON = "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json"
	ecsConfig      = "/etc/ecs/ecs.config"
	ecrLogin       = "/usr/bin/docker-credential-ecr-login"
)

// Configurations of the CloudWatch agent.
const (
	logsOnly    = `{"logs":{"logs_collected":{"files":{"collect_list":[{"file_path":"/var/log/messages","log_group_name":"messages"}]}}}}`
	metricsOnly = `{"metrics":{"metrics_collected":{"mem":{"measurement":["mem_used_percent"]}}}}`
)

// install puts files on the host.
func install(w *world.World, files ...string) {
	if w.Host.Files == nil {
		w.Host.Files = map[string]string{}
	}
	for i := 0; i+1 < len(files); i += 2 {
		w.Host.Files[files[i]] = files[i+1]
	}
}

// addEndpoints adds interface endpoints that the base world lacks.
func addEndpoints(w *world.World, s *Seed, services ...string) {
	for _, id := range services {
		AddEndpoint(w, s, id, taken(w)).Hosts = autoHosts(w, id)
	}
}

// autoHosts are the private names of an endpoint, where they are not the
// service's name alone.
func autoHosts(w *world.World, id string) []string {
	switch id {
	case "ecr.api":
		return []string{Host(w, "api.ecr")}
	case "ecr.dkr":
		return []string{"*." + Host(w, "dkr.ecr"), Host(w, "dkr.ecr")}
	case "ecs-agent":
		return []string{Host(w, "ecs-a"), "*." + Host(w, "ecs-a")}
	case "ecs-telemetry":
		return []string{Host(w, "ecs-t"), "*." + Host(w, "ecs-t")}
	}
	return []string{Host(w, id)}
}

func autoPrograms() []Scenario {
	logs := func(w *world.World) { install(w, cloudWatchBin, "", cloudWatchJSON, logsOnly) }
	ecs := func(w *world.World, s *Seed) {
		install(w, ecsConfig, "ECS_CLUSTER=web\n")
		addEndpoints(w, s, "ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr")
	}
	return []Scenario{{
		Name: "auto-nothing", Kind: Healthy, Want: noFault.with("RC-06").never("RC-04", "RC-05"),
		Story: "no program of AWS is installed but the SSM Agent",
	}, {
		Name: "auto-cloudwatch-logs", Kind: Healthy, Want: noFault.with("RC-06").never("RC-04"), NearOf: "auto-cloudwatch-logs-missing",
		Story:  "the CloudWatch agent sends logs only, and logs has an endpoint; monitoring has none",
		Change: func(w *world.World, _ *Seed) { logs(w) },
	}, {
		Name: "auto-cloudwatch-logs-missing", Kind: Fault, Want: broken("DN-02", "RC-04").with("RC-04"), NearOf: "auto-cloudwatch-logs",
		Story:  "the CloudWatch agent sends logs, and logs has no endpoint",
		Change: func(w *world.World, _ *Seed) { logs(w); dropEndpoints(w, "logs") },
	}, {
		Name: "auto-cloudwatch-metrics-missing", Kind: Fault, Want: broken("DN-02", "RC-04").with("RC-04"), NearOf: "auto-cloudwatch-logs",
		Story:  "the CloudWatch agent sends metrics, and monitoring has no endpoint",
		Change: func(w *world.World, _ *Seed) { install(w, cloudWatchBin, "", cloudWatchJSON, metricsOnly) },
	}, {
		Name: "auto-override", Kind: Healthy, Want: noFault.never("RC-04"), NearOf: "auto-override-dead",
		Story: "the CloudWatch agent sends logs to the endpoint's own name",
		Change: func(w *world.World, _ *Seed) {
			install(w, cloudWatchBin, "", cloudWatchJSON, strings.Replace(logsOnly, `{"logs":{`, `{"logs":{"endpoint_override":"`+w.EndpointName(w.VPC.Endpoint("logs"))+`",`, 1))
		},
	}, {
		Name: "auto-override-dead", Kind: Fault, Want: broken("DN-31", "PL-03", "DN-28", "RC-04").with("RC-04"), NearOf: "auto-override",
		Story: "the CloudWatch agent sends logs to the name of an endpoint that was deleted",
		Change: func(w *world.World, s *Seed) {
			gone := s.ID("vpce") + "-ab12cd34.logs." + w.Region + "." + w.VPCESuffix
			install(w, cloudWatchBin, "", cloudWatchJSON, strings.Replace(logsOnly, `{"logs":{`, `{"logs":{"endpoint_override":"`+gone+`",`, 1))
		},
	}, {
		Name: "auto-other-region", Kind: Fault, Want: degraded("RC-08"), NearOf: "auto-cloudwatch-logs",
		Story: "the CloudWatch agent's configuration names another Region",
		Change: func(w *world.World, _ *Seed) {
			install(w, cloudWatchBin, "", cloudWatchJSON, `{"agent":{"region":"`+siblingRegion(w.Region)+`"},`+logsOnly[1:])
		},
	}, {
		Name: "auto-ecs", Kind: Healthy, Want: noFault.with("RC-06").never("RC-05"), NearOf: "auto-ecs-layers",
		Story:  "a container instance of ECS with its endpoints, and S3 by the gateway endpoint",
		Change: ecs,
	}, {
		Name: "auto-ecs-layers", Kind: Fault, Want: broken("GW-01", "RC-05", "RC-04").with("RC-05"), NearOf: "auto-ecs",
		Story:  "a container instance of ECS with its endpoints, and no way to S3, where the layers are",
		Change: func(w *world.World, s *Seed) { ecs(w, s); dropGatewayRoute(w) },
	}, {
		Name: "auto-ecr-registry", Kind: Fault, Want: broken("DN-02", "RC-05", "RC-04").with("RC-05"), NearOf: "auto-ecr",
		Story: "images are pulled from ECR, whose API has an endpoint and whose registry has none",
		Change: func(w *world.World, s *Seed) {
			install(w, ecrLogin, "")
			addEndpoints(w, s, "ecr.api", "sts")
		},
	}, {
		Name: "auto-ecr", Kind: Healthy, Want: noFault.never("RC-04", "RC-05"), NearOf: "auto-ecr-registry",
		Story: "images are pulled from ECR, whose API and registry have endpoints",
		Change: func(w *world.World, s *Seed) {
			install(w, ecrLogin, "")
			addEndpoints(w, s, "ecr.api", "ecr.dkr", "sts")
		},
	}, {
		Name: "auto-superfluous", Kind: Healthy, Want: noFault.with("RC-07"), Args: []string{"--all"}, NearOf: "auto-nothing",
		Story:  "an endpoint for sqs that nothing on this host calls",
		Change: func(w *world.World, s *Seed) { addEndpoints(w, s, "sqs") },
	}}
}
