package catalog

import "strings"

// words are the names people use, and the catalogue's ids or short service
// names they stand for. A word wins over an id of the same spelling: who says
// "apigateway" wants to call APIs, not to manage them.
var words = map[string][]string{
	"amazon-mq":                   {"mq"},
	"amp":                         {"aps-workspaces"},
	"api-gateway":                 {"execute-api"},
	"api-gateway-control":         {"apigateway"},
	"apigateway":                  {"execute-api"},
	"appstream":                   {"appstream.api", "appstream.streaming"},
	"appsync":                     {"appsync-api"},
	"aurora":                      {"rds"},
	"beanstalk":                   {"elasticbeanstalk", "elasticbeanstalk-health"},
	"certificate-manager":         {"acm"},
	"cloud-map":                   {"servicediscovery", "data-servicediscovery"},
	"cloudwatch":                  {"monitoring", "logs"},
	"cloudwatch-events":           {"events"},
	"cloudwatch-logs":             {"logs"},
	"cloudwatch-metrics":          {"monitoring"},
	"codeartifact":                {"codeartifact.api", "codeartifact.repositories"},
	"cognito":                     {"cognito-idp", "cognito-identity"},
	"container-registry":          {"ecr.api", "ecr.dkr", "s3"},
	"database-migration-service":  {"dms"},
	"directory-service":           {"ds"},
	"documentdb":                  {"rds"},
	"ecr":                         {"ecr.api", "ecr.dkr", "s3"},
	"efs":                         {"elasticfilesystem"},
	"elastic-container-registry":  {"ecr.api", "ecr.dkr", "s3"},
	"elastic-container-service":   {"ecs", "ecs-agent", "ecs-telemetry"},
	"elb":                         {"elasticloadbalancing"},
	"elbv2":                       {"elasticloadbalancing"},
	"emr":                         {"elasticmapreduce"},
	"eventbridge":                 {"events"},
	"firehose":                    {"kinesis-firehose"},
	"inspector":                   {"inspector2"},
	"iot-core":                    {"iot.data"},
	"key-management-service":      {"kms"},
	"key-manager":                 {"kms"},
	"keyspaces":                   {"cassandra"},
	"kinesis":                     {"kinesis-streams"},
	"kinesis-data-firehose":       {"kinesis-firehose"},
	"kinesis-data-streams":        {"kinesis-streams"},
	"lex":                         {"runtime-v2-lex", "models-v2-lex"},
	"macie":                       {"macie2"},
	"managed-airflow":             {"airflow.api", "airflow.env", "airflow.ops"},
	"managed-grafana":             {"grafana", "grafana-workspace"},
	"msk":                         {"kafka"},
	"mwaa":                        {"airflow.api", "airflow.env", "airflow.ops"},
	"parameter-store":             {"ssm"},
	"private-ca":                  {"acm-pca"},
	"prometheus":                  {"aps-workspaces"},
	"run-command":                 {"ssm", "ssmmessages"},
	"sagemaker":                   {"sagemaker.api", "sagemaker.runtime"},
	"sagemaker-notebook":          {"sagemaker-notebook"},
	"sagemaker-notebook-instance": {"sagemaker-notebook"},
	"sagemaker-notebooks":         {"sagemaker-notebook"},
	"secrets":                     {"secretsmanager"},
	"security-token-service":      {"sts"},
	"server-migration-service":    {"sms"},
	"ses":                         {"email"},
	"session-manager":             {"ssm", "ssmmessages"},
	"sfn":                         {"states"},
	"sftp":                        {"transfer.server"},
	"simple-email-service":        {"email"},
	"simple-notification-service": {"sns"},
	"simple-queue-service":        {"sqs"},
	"simple-storage-service":      {"s3"},
	"smtp":                        {"email-smtp"},
	"step-functions":              {"states"},
	"stepfunctions":               {"states"},
	"systems-manager":             {"ssm", "ssmmessages"},
	"transfer-family":             {"transfer", "transfer.server"},
	"waf":                         {"wafv2"},
	"x-ray":                       {"xray"},
}

// titles are what the services are called in AWS's own writing, by id. Where
// none is given the id is the title.
var titles = map[string]string{
	"autoscaling":                "EC2 Auto Scaling",
	"cassandra":                  "Keyspaces",
	"cloudformation":             "CloudFormation",
	"codedeploy":                 "CodeDeploy",
	"codedeploy-commands-secure": "CodeDeploy agent channel",
	"dynamodb-gateway":           "DynamoDB",
	"dynamodb-interface":         "DynamoDB",
	"ec2":                        "EC2 API",
	"ec2messages":                "Systems Manager message delivery (old channel)",
	"ecr.api":                    "ECR API",
	"ecr.dkr":                    "ECR registry",
	"ecs":                        "ECS",
	"ecs-agent":                  "ECS agent channel",
	"ecs-telemetry":              "ECS telemetry",
	"eks":                        "EKS API",
	"eks-auth":                   "EKS Pod Identity",
	"elasticfilesystem":          "EFS API",
	"elasticloadbalancing":       "Elastic Load Balancing API",
	"email-smtp":                 "SES SMTP",
	"events":                     "EventBridge",
	"execute-api":                "API Gateway (private APIs)",
	"glue":                       "Glue",
	"kinesis-firehose":           "Data Firehose",
	"kinesis-streams":            "Kinesis Data Streams",
	"kms":                        "KMS",
	"lambda":                     "Lambda",
	"logs":                       "CloudWatch Logs",
	"monitoring":                 "CloudWatch metrics",
	"rds":                        "RDS API",
	"s3-gateway":                 "S3",
	"s3-interface":               "S3",
	"sagemaker-notebook":         "SageMaker notebook",
	"sagemaker-studio":           "SageMaker Studio",
	"sagemaker.api":              "SageMaker API",
	"sagemaker.runtime":          "SageMaker inference",
	"secretsmanager":             "Secrets Manager",
	"sns":                        "SNS",
	"sqs":                        "SQS",
	"ssm":                        "Systems Manager",
	"ssmmessages":                "Session Manager channel",
	"states":                     "Step Functions",
	"sts":                        "STS",
	"xray":                       "X-Ray",
}

func title(id string) string {
	if t, ok := titles[id]; ok {
		return t
	}
	return id
}

// normal brings a word into the form of the table above: "AWS Secrets Manager"
// and "secrets_manager" are "secrets-manager".
func normal(word string) string {
	w := strings.ToLower(strings.Trim(word, " \t."))
	w = strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '/' {
			return '-'
		}
		return r
	}, w)
	for _, prefix := range []string{"amazon-", "aws-"} {
		if short, ok := strings.CutPrefix(w, prefix); ok && words[w] == nil {
			return short
		}
	}
	return w
}

// squeezed is a word without the marks that people set or leave out.
func squeezed(word string) string {
	return strings.ReplaceAll(strings.ReplaceAll(word, "-", ""), ".", "")
}
