package dial

import "vpcdoctor/probe/fact"

// MaxVariants is how many handshakes are made in addition at one address
// (decisions.md, do no harm).
const MaxVariants = 3

// Variants says which handshakes, most telling first, can still change what is
// concluded from a base handshake: at most MaxVariants, none when it worked or
// says enough by itself. It looks at nothing but the fact. A tunnelled handshake
// has none: its address is the proxy's, and the proxy makes the path.
func Variants(base fact.Handshake) []fact.Variant {
	switch {
	case !base.Ran(), base.Variant != "", base.Proxy != "":
		return nil
	case base.Status == fact.OK:
		return forCertificate(base)
	}
	switch base.Class {
	case fact.Timeout:
		// A packet too large for the path, a device that cannot put a split
		// ClientHello together, or a rule about the name: three bits, C.4.
		return []fact.Variant{fact.NoPQ, fact.SmallMSS, fact.NeutralSNI}
	case fact.Reset, fact.EOF:
		// Somebody answered, so a rule about the name is the first suspect; a
		// device that chokes on a split ClientHello may reset as well.
		return []fact.Variant{fact.NeutralSNI, fact.NoPQ, fact.SmallMSS}
	case fact.TLSAlert:
		return forAlert(base.Alert)
	}
	return nil // not TLS, or broken TLS: another hello gets the same answer
}

// forCertificate asks once more when the certificate is not the right one: a
// device that re-signs some names only shows the genuine chain for another. A
// chain that closes to a reference root was re-signed by nobody, and one that
// does so at another time is a matter of clocks: both are told without asking.
// An interception that the host trusts works, so it is no trouble.
func forCertificate(base fact.Handshake) []fact.Variant {
	chain := base.Reference
	if chain.Status != fact.OK && chain.Status != fact.Failed { // not done: the system's word is what there is
		chain = base.System
	}
	works := base.Name.Status != fact.Failed && base.System.Status == fact.OK
	foreign := chain.Status == fact.Failed && chain.Class != fact.CertTime
	if base.Name.Status == fact.Failed || foreign && !works {
		return []fact.Variant{fact.NeutralSNI}
	}
	return nil
}

// Fatal alerts (RFC 8446, section 6) by what the hello has to do with them.
const (
	alertUnexpectedMessage    = 10
	alertRecordOverflow       = 22
	alertHandshakeFailure     = 40
	alertNoCertificate        = 41
	alertCertificateUnknown   = 46
	alertIllegalParameter     = 47
	alertUnknownCA            = 48
	alertDecodeError          = 50
	alertDecryptError         = 51
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71
	alertMissingExtension     = 109
	alertUnsupportedExtension = 110
	alertUnrecognizedName     = 112
	alertCertificateRequired  = 116
)

// forAlert never asks for smaller segments: who sends an alert has read
// the hello, so its size on the way is not in question.
func forAlert(alert int) []fact.Variant {
	switch {
	case alert == alertUnrecognizedName:
		return []fact.Variant{fact.NeutralSNI, fact.NoSNI}
	case alert >= alertNoCertificate && alert <= alertCertificateUnknown,
		alert == alertUnknownCA, alert == alertDecryptError, alert == alertCertificateRequired:
		return nil // about a certificate of ours, which no hello brings
	}
	switch alert {
	case alertProtocolVersion, alertHandshakeFailure, alertInsufficientSecurity,
		alertUnexpectedMessage, alertRecordOverflow, alertIllegalParameter, alertDecodeError,
		alertMissingExtension, alertUnsupportedExtension:
		// The peer does not like what is offered: the version, the key share, or
		// both for this name.
		return []fact.Variant{fact.TLS12, fact.NoPQ, fact.NeutralSNI}
	}
	return []fact.Variant{fact.NeutralSNI, fact.NoPQ} // refused for a reason that the number does not tell
}
