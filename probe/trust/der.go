package trust

// subjectOf is the DER of the subject of a certificate, found without parsing
// the rest of it. It is not a validation: a certificate that passes here may
// still be refused by x509.ParseCertificate.
//
//	Certificate ::= SEQUENCE { tbsCertificate SEQUENCE {
//	    version [0] OPTIONAL, serialNumber INTEGER, signature SEQUENCE,
//	    issuer SEQUENCE, validity SEQUENCE, subject SEQUENCE, … (RFC 5280, 4.1)
func subjectOf(der []byte) (subject []byte, ok bool) {
	const (
		sequence = 0x30
		integer  = 0x02
		version  = 0xa0
	)
	_, cert, rest, ok := element(der, sequence)
	if !ok || len(rest) > 0 {
		return nil, false
	}
	_, b, _, ok := element(cert, sequence)
	if !ok {
		return nil, false
	}
	if _, _, rest, ok := element(b, version); ok {
		b = rest
	}
	for _, tag := range []byte{integer, sequence, sequence, sequence} {
		if _, _, b, ok = element(b, tag); !ok {
			return nil, false
		}
	}
	subject, _, _, ok = element(b, sequence)
	return subject, ok
}

// element splits the first DER element off b if it has the given tag: all of
// it, its content, and what follows.
func element(b []byte, tag byte) (whole, content, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, nil, nil, false
	}
	n, head := int(b[1]), 2
	if n >= 0x80 { // long form: the next n-0x80 bytes are the length
		count := n - 0x80
		if count < 1 || count > 3 || len(b) < 2+count {
			return nil, nil, nil, false
		}
		n, head = 0, 2+count
		for _, c := range b[2:head] {
			n = n<<8 | int(c)
		}
	}
	if n > len(b)-head {
		return nil, nil, nil, false
	}
	return b[:head+n], b[head : head+n], b[head+n:], true
}
