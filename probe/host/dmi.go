package host

import (
	"strings"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/host/sysfile"
)

// dmi is where Linux shows the machine's SMBIOS tables.
const dmi = "/sys/class/dmi/id/"

// hardware reads who made this machine and whether that is EC2: yes, no, or
// empty where nothing tells (no SMBIOS, as in some containers).
//
// Source: EC2 User Guide, "Detect whether your host is an EC2 instance" (read
// 2026-11): Nitro instances carry their instance id in board_asset_tag and
// "Amazon EC2" as vendor; Xen instances have a hypervisor UUID that starts
// with "ec2". Some Xen instances store the first UUID fields little-endian;
// their BIOS version still ends in "amazon".
func hardware(root sysfile.Root) (vendor, product, ec2 string) {
	vendor = line(root, dmi+"sys_vendor")
	product = line(root, dmi+"product_name")
	asset := line(root, dmi+"board_asset_tag")
	bios := line(root, dmi+"bios_version")
	uuid := line(root, "/sys/hypervisor/uuid")
	switch {
	case vendor == "Amazon EC2",
		strings.HasPrefix(asset, "i-"),
		strings.HasPrefix(strings.ToLower(uuid), "ec2"),
		vendor == "Xen" && strings.HasSuffix(bios, "amazon"):
		ec2 = "yes"
	case vendor == "":
		// Nothing to go by: a missing table is not another vendor's table.
	case vendor == "Xen" && uuid == "":
		// Xen without its UUID file may still be EC2.
	default:
		ec2 = "no"
	}
	return vendor, product, ec2
}

// line reads a one-line file of the kernel; empty when there is none.
func line(root sysfile.Root, name string) string {
	// A page is what the kernel hands out for such a file.
	b, err := root.Read(name, 4096)
	if err != nil {
		return ""
	}
	return classify.Clean(strings.TrimSpace(string(b)), maxName)
}
