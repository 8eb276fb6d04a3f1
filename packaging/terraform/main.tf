# Interface endpoints for Session Manager and logs, and the S3 gateway endpoint,
# in a VPC that exists; for every partition. Run it in the account that owns the
# VPC. Private DNS takes the names over for the whole VPC: every instance in it
# will use these endpoints, which is why the rule admits all of its blocks.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "vpc_id" {
  type = string
  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "vpc_id must look like vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "One subnet in each Availability Zone that has instances, never two in one zone."
  type        = set(string)
  validation {
    condition     = length(var.subnet_ids) > 0 && alltrue([for s in var.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", s))])
    error_message = "subnet_ids must hold at least one id such as subnet-0123456789abcdef0."
  }
}

variable "route_table_ids" {
  description = "Route tables of the instances' subnets, for the S3 gateway endpoint."
  type        = set(string)
  validation {
    condition     = length(var.route_table_ids) > 0 && alltrue([for r in var.route_table_ids : can(regex("^rtb-[0-9a-f]{8,17}$", r))])
    error_message = "route_table_ids must hold at least one id such as rtb-0123456789abcdef0."
  }
}

variable "client_security_group_id" {
  description = "Strict: only instances of this security group are let in, in place of the whole VPC. Private DNS still sends all others here: without the group they lose these services."
  type        = string
  default     = null
  validation {
    condition     = var.client_security_group_id == null || can(regex("^sg-[0-9a-f]{8,17}$", var.client_security_group_id))
    error_message = "client_security_group_id must look like sg-0123456789abcdef0."
  }
}

variable "ec2messages" {
  description = "An endpoint for ec2messages too. Agents from 3.3.40.0 on do without, and AWS retires it after 2026-09-30. null adds it in China only, where that is not confirmed."
  type        = bool
  default     = null
}

data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_vpc" "this" {
  id = var.vpc_id
}

data "aws_subnet" "each" {
  for_each = var.subnet_ids
  id       = each.value
}

locals {
  region      = data.aws_region.current.id
  ec2messages = coalesce(var.ec2messages, data.aws_partition.current.partition == "aws-cn")
  services    = toset(concat(["ssm", "ssmmessages", "logs"], local.ec2messages ? ["ec2messages"] : []))
  cidrs       = [for a in data.aws_vpc.this.cidr_block_associations : a.cidr_block if a.state == "associated"]
}

resource "aws_security_group" "endpoints" {
  name_prefix = "vpc-endpoints-"
  description = "HTTPS from the VPC to its interface endpoints"
  vpc_id      = var.vpc_id

  ingress {
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    cidr_blocks     = var.client_security_group_id == null ? local.cidrs : []
    security_groups = var.client_security_group_id == null ? [] : [var.client_security_group_id]
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.services

  vpc_id            = var.vpc_id
  vpc_endpoint_type = "Interface"
  # These names have no "cn." before them in China, unlike those of many other
  # services there.
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  lifecycle {
    precondition {
      condition     = length(distinct([for s in data.aws_subnet.each : s.availability_zone_id])) == length(var.subnet_ids)
      error_message = "subnet_ids holds two subnets of one Availability Zone."
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = var.vpc_id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${local.region}.s3"
  route_table_ids   = var.route_table_ids
}

output "security_group_id" {
  description = "Instances whose own group restricts what leaves need 443 out to this group, and to the S3 prefix list."
  value       = aws_security_group.endpoints.id
}
