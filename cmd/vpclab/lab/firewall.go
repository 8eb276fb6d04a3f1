//go:build linux

package lab

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"vpcdoctor/cmd/vpclab/world"
)

// localFirewall installs the instance's own rules for outgoing packets. They
// are the only filter inside the instance: what a VPC filters acts outside.
func localFirewall(rules []world.LocalRule) error {
	if len(rules) == 0 {
		return nil
	}
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("opening nftables: %w", err)
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "filter"})
	out := c.AddChain(&nftables.Chain{Name: "OUTPUT", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter})
	for _, r := range rules {
		c.AddRule(&nftables.Rule{Table: t, Chain: out, Exprs: expressions(r)})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("loading the instance's firewall: %w", err)
	}
	return nil
}

// ICMP codes of the reject actions (RFC 792, RFC 1122).
var rejectCodes = map[string]uint8{"reject-port": 3, "reject-host": 1, "reject-admin": 13}

func expressions(r world.LocalRule) []expr.Any {
	proto := byte(unix.IPPROTO_TCP)
	if r.Proto == "udp" {
		proto = unix.IPPROTO_UDP
	}
	e := equals(&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, []byte{proto})
	if r.UIDSet {
		uid := binary.NativeEndian.AppendUint32(nil, uint32(r.UID))
		e = append(e, equals(&expr.Meta{Key: expr.MetaKeySKUID, Register: 1}, uid)...)
	}
	if r.Dst.IsValid() {
		n := prefixNet(r.Dst)
		e = append(e,
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: n.Mask, Xor: make([]byte, 4)},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: n.IP.To4()})
	}
	if r.Port != 0 {
		port := binary.BigEndian.AppendUint16(nil, r.Port)
		e = append(e, equals(&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}, port)...)
	}
	switch r.Action {
	case "drop":
		return append(e, &expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop})
	case "reject-reset":
		return append(e, &expr.Reject{Type: unix.NFT_REJECT_TCP_RST})
	default:
		return append(e, &expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: rejectCodes[r.Action]})
	}
}

func equals(load expr.Any, data []byte) []expr.Any {
	return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data}}
}
