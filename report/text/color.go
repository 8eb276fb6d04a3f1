package text

// sgr is the parameter of an SGR sequence.
type sgr string

// The five styles. No more are needed, and a colour library keeps global state
// that breaks goldens.
const (
	plain  sgr = ""
	bold   sgr = "1"
	red    sgr = "31"
	green  sgr = "32"
	yellow sgr = "33"
	dim    sgr = "2"
)

func (p *page) paint(style sgr, s string) string {
	if !p.color || style == plain || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}
