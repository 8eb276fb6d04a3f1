package classify

// Clean makes foreign text safe for a terminal, a log and a JSON file: printable
// ASCII stays, every other byte becomes '?', and text longer than limit bytes is
// cut so that with the closing "..." it has limit bytes. A limit of 3 or less cuts
// without dots; a negative one counts as 0.
func Clean(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = s[:max(limit, 0)]
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	if cut && limit > len("...") {
		copy(b[limit-len("..."):], "...")
	}
	return string(b)
}
