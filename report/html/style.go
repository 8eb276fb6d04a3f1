package html

import (
	"crypto/sha256"
	"encoding/base64"
)

// style is the whole look. Colours are variables, so that dark mode and paper
// change those only; a test computes the contrast of every pair in use. There
// is no '<' or '&' in it: the page is XML too.
const style markup = `
:root{--bg:#ffffff;--fg:#1b1f24;--soft:#57606a;--line:#c4ccd4;--card:#f5f7f9;--pass:#116329;--fail:#b01020;--warn:#7a4d00;--link:#0a53be;--code:#eceff2;--passbg:#e6f4ea;--failbg:#fdeaec;--warnbg:#fff3d9}
@media (prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e6eaee;--soft:#a3adb8;--line:#46505b;--card:#1a2027;--pass:#6fd08c;--fail:#ff9aa2;--warn:#f0c060;--link:#8ab8ff;--code:#232b34;--passbg:#12301d;--failbg:#431b21;--warnbg:#3a2d10}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.35rem;line-height:1.35;margin:.5rem 0}
h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
h3{font-size:1rem;margin:1rem 0 .3rem}
p{margin:.4rem 0}
.tag{display:inline-block;padding:.1rem .6rem;border-radius:.3rem;border:1px solid currentColor;font-weight:700;margin-right:.4rem}
.pass{color:var(--pass)}.fail{color:var(--fail)}.warn{color:var(--warn)}.soft,.none{color:var(--soft)}
.tag.pass{background:var(--passbg)}.tag.fail{background:var(--failbg)}.tag.warn{background:var(--warnbg)}
.facts{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;margin:.5rem 0;padding:0;list-style:none;color:var(--soft);font-size:.9rem}
.facts b{color:var(--fg);font-weight:600}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem 1rem;margin:.8rem 0}
.card.lead{border-left:.4rem solid var(--fail)}.card.lead.warn{border-left-color:var(--warn)}.card.lead{color:var(--fg)}
details{margin:.4rem 0}
summary{cursor:pointer;padding:.25rem 0}
summary:focus-visible,button:focus-visible{outline:3px solid var(--link);outline-offset:2px}
ul{margin:.3rem 0;padding-left:1.3rem}
.code{position:relative;margin:.5rem 0}
pre{margin:0;background:var(--code);border:1px solid var(--line);border-radius:.35rem;padding:.6rem .7rem;white-space:pre-wrap;font:.86rem/1.45 ui-monospace,Menlo,Consolas,monospace}
button{float:right;margin:0 0 .25rem .5rem;min-height:2rem;padding:.2rem .8rem;border:1px solid var(--line);border-radius:.35rem;background:var(--bg);color:var(--link);font:inherit;font-size:.85rem;cursor:pointer}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:600;white-space:nowrap}
tbody th{font-weight:600}
td{overflow-wrap:normal}
td.pass,td.fail{font-weight:600}
figure{margin:1rem 0}
figcaption{color:var(--soft);font-size:.9rem}
svg{display:block;width:100%;height:auto;font:12.5px system-ui,sans-serif}
svg.tall{display:none;max-width:22rem;margin:0 auto}
.box{fill:var(--card);stroke:var(--line);stroke-width:1.5}
.box.pass{stroke:var(--pass);fill:var(--passbg)}.box.fail{stroke:var(--fail);stroke-width:3;fill:var(--failbg)}.box.warn{stroke:var(--warn);fill:var(--warnbg);stroke-dasharray:6 4}.box.none{stroke-dasharray:3 4}
.edge{stroke:var(--soft);stroke-width:2;fill:none}
.edge.pass{stroke:var(--pass)}.edge.fail{stroke:var(--fail);stroke-width:3}.edge.warn{stroke:var(--warn);stroke-dasharray:6 4}.edge.none{stroke-dasharray:2 5}
svg text{fill:var(--fg);stroke:none}
svg text.state{font-weight:700}
svg text.pass{fill:var(--pass)}svg text.fail{fill:var(--fail)}svg text.warn{fill:var(--warn)}svg text.none{fill:var(--soft);font-weight:400}
@media (max-width:44rem){body{padding:.7rem}svg.flat{display:none}svg.tall{display:block}.rows thead{display:none}.rows tr{display:block;border-bottom:1px solid var(--line);padding:.4rem 0}.rows th,.rows td{display:inline-block;border:0;padding:.05rem .7rem .05rem 0}.rows tbody th{display:block}.rows td::before{content:attr(data-label) " ";color:var(--soft);font-weight:400}}
@media print{:root{--bg:#ffffff;--fg:#000000;--soft:#444444;--line:#999999;--card:#ffffff;--pass:#0b4d1d;--fail:#8c0010;--warn:#5c3a00;--link:#000000;--code:#f4f4f4;--passbg:#ffffff;--failbg:#ffffff;--warnbg:#ffffff}body{max-width:none;padding:0;font-size:10.5pt}table{font-size:.75rem}th,td{padding:.2rem .3rem}button{display:none}figure,pre,li,tr{break-inside:avoid}h2,h3{break-after:avoid}details::details-content{content-visibility:visible;display:block}.wide{overflow:visible}}
`

// script is a convenience: without it the buttons stay hidden and everything
// can be read and selected. It reads nothing but the text beside the button.
const script markup = `
document.querySelectorAll("button.copy").forEach(function(b){b.hidden=false;b.onclick=function(){
var t=b.parentElement.querySelector("pre"),r=document.createRange(),s=getSelection(),ok=function(){b.textContent="Copied"};
r.selectNodeContents(t);s.removeAllRanges();s.addRange(r);
if(navigator.clipboard){navigator.clipboard.writeText(t.textContent).then(ok,function(){})}else if(document.execCommand("copy")){ok()}}});
addEventListener("beforeprint",function(){document.querySelectorAll("details").forEach(function(d){d.open=true})});
`

// policy admits exactly the two constants above.
func policy() string {
	hash := func(m markup) string {
		sum := sha256.Sum256([]byte(m))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) + "; base-uri 'none'; form-action 'none'"
}
