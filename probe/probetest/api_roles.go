package probetest

// Policies that a healthy instance's role is met with, as documents. Sources:
// the AWS managed policies AmazonSSMManagedInstanceCore (v2 of 2019-05-23) and
// AmazonSSMManagedEC2InstanceDefaultPolicy (v1 of 2022-08-30) as the repository
// zoph-io/MAMIP records them; Systems Manager User Guide, "Create a custom IAM
// role for Session Manager", for the least one; read 2026-11.
const (
	// ManagedInstanceCore is AmazonSSMManagedInstanceCore.
	ManagedInstanceCore = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:DescribeAssociation",` +
		`"ssm:GetDeployablePatchSnapshotForInstance","ssm:GetDocument","ssm:DescribeDocument","ssm:GetManifest","ssm:GetParameter",` +
		`"ssm:GetParameters","ssm:ListAssociations","ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems",` +
		`"ssm:PutConfigurePackageResult","ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus",` +
		`"ssm:UpdateInstanceInformation"],"Resource":"*"},` + channelActions + `,` + messageActions + `]}`
	// ManagedInstanceDefault is AmazonSSMManagedEC2InstanceDefaultPolicy, which
	// Default Host Management uses: the former without parameters.
	ManagedInstanceDefault = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:DescribeAssociation",` +
		`"ssm:GetDeployablePatchSnapshotForInstance","ssm:GetDocument","ssm:DescribeDocument","ssm:GetManifest",` +
		`"ssm:ListAssociations","ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems",` +
		`"ssm:PutConfigurePackageResult","ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus",` +
		`"ssm:UpdateInstanceInformation"],"Resource":"*"},` + channelActions + `,` + messageActions + `]}`
	// MinimalInstance is the least that Session Manager needs.
	MinimalInstance = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:UpdateInstanceInformation","Resource":"*"},` +
		channelActions + `]}`

	// Delivery is what vpcdoctor needs to deliver to CloudWatch Logs
	// (packaging/iam/delivery.json), in any partition.
	Delivery = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:PutLogEvents","logs:CreateLogStream"],` +
		`"Resource":"arn:*:logs:*:*:log-group:/vpcdoctor:log-stream:*"}]}`

	channelActions = `{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel",` +
		`"ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"],"Resource":"*"}`
	messageActions = `{"Effect":"Allow","Action":["ec2messages:AcknowledgeMessage","ec2messages:DeleteMessage","ec2messages:FailMessage",` +
		`"ec2messages:GetEndpoint","ec2messages:GetMessages","ec2messages:SendReply"],"Resource":"*"}`
)
