package fleet

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"vpcdoctor/probe/probetest"
	"vpcdoctor/report/deliver/awscall/awstest"
)

// direct calls a handler without a network.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.Host, in.RequestURI = r.URL.Host, r.URL.RequestURI()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, in)
	out := w.Result()
	for name, values := range out.Header { // as a reader from a network spells them
		delete(out.Header, name)
		out.Header[http.CanonicalHeaderKey(name)] = values
	}
	return out, nil
}

// The region of the other tests is quick and simple. A small fleet goes through
// the fake account as well, which also checks signatures, permissions and
// embedded metrics: as a herd, then spread.
func TestFleetOnAnAccount(t *testing.T) {
	const policy = `{"Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:*:*:log-group:/vpcdoctor:log-stream:shard-*"}]}`
	synctest.Test(t, func(t *testing.T) {
		api := awstest.Account(policy, func(o *probetest.APIOptions) {
			o.LogGroups = map[string]probetest.APILogGroup{"/vpcdoctor": {Streams: sharedStreams()}}
			o.Quotas = map[string]float64{"logs:PutLogEvents": 5}
		})
		f := newFleet(t, 100, shards, newRegion(0, 0))
		f.service = direct{api}
		start := time.Now()
		f.once(t, 0)
		f.wg.Wait()
		wait := f.left()
		time.Sleep(time.Until(start.Add(period)))
		f.once(t, time.Minute)
		f.wg.Wait()
		for _, e := range api.LogEvents() {
			s, err := sight(e.Message)
			if err != nil {
				t.Fatal(err)
			}
			f.region.note(s)
		}
		f.check(t, 2*len(f.instances))
		throttled := 0
		for _, c := range api.Calls() {
			switch {
			case c.Code == "ThrottlingException":
				throttled++
			case c.Code != "" || c.Operation != "PutLogEvents":
				t.Errorf("%s: %d %s", c.Operation, c.Status, c.Code)
			}
		}
		if wait == 0 || throttled == 0 {
			t.Errorf("%d waited, %d throttled: no herd", wait, throttled)
		}
		if values, wrong := api.Metrics(); len(values) == 0 || len(wrong) > 0 {
			t.Errorf("%d metrics, wrong: %v", len(values), wrong)
		}
	})
}
