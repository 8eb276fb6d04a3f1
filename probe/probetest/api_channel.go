package probetest

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 demands it for Sec-WebSocket-Accept
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// longPoll is how long GetMessages waits; the agent's own limit is 20 s.
const longPoll = 20 * time.Second

// channelOperation is the operation of a request to ssmmessages.
func channelOperation(r *http.Request) string {
	kind, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case id == "":
		return ""
	case kind == "control-channel" && r.Method == http.MethodPost:
		return createControlChannel
	case kind == "control-channel" && r.Method == http.MethodGet:
		return openControlChannel
	case kind == "data-channel" && r.Method == http.MethodPost:
		return createDataChannel
	case kind == "data-channel" && r.Method == http.MethodGet:
		return openDataChannel
	}
	return ""
}

// isUpgrade tells whether a request asks for a websocket (RFC 6455, 4.2.1).
func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && r.Header.Get("Sec-WebSocket-Key") != "" &&
		strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade")
}

// channelOperations answer for ssmmessages.
var channelOperations = map[string]func(*call) reply{
	createControlChannel: func(c *call) reply {
		token := "probetest-channel-" + rand.Text()
		c.api.mu.Lock()
		c.api.tokens = append(c.api.tokens, token)
		c.api.mu.Unlock()
		return reply{status: http.StatusCreated, kind: "application/xml",
			body: "<CreateControlChannelResult><MessageSchemaVersion>1.0</MessageSchemaVersion><TokenValue>" + token + "</TokenValue></CreateControlChannelResult>"}
	},
	openControlChannel: func(c *call) reply {
		if !isUpgrade(c.r) {
			return c.fail("BadRequest", "Expected a websocket upgrade.")
		}
		sum := sha1.Sum([]byte(c.r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
		return reply{status: http.StatusSwitchingProtocols, header: map[string]string{
			"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": base64.StdEncoding.EncodeToString(sum[:]),
		}}
	},
}

// Kinds of websocket frames.
const (
	frameText  = 1
	frameClose = 8
	framePing  = 9
	framePong  = 10
)

// maxFrame is more than a client of a control channel sends at once.
const maxFrame = 64 << 10

// holdChannel sends the head of an upgrade and keeps the channel: the first
// frame has to carry a token that was given out, pings are answered.
func (a *API) holdChannel(w http.ResponseWriter) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	head := "HTTP/1.1 101 Switching Protocols\r\n"
	for k, v := range w.Header() {
		head += k + ": " + strings.Join(v, ", ") + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return
	}
	for admitted := false; ; {
		kind, payload, err := readFrame(rw.Reader)
		switch {
		case err != nil:
			return
		case kind == framePing:
			err = writeFrame(conn, framePong, payload)
		case kind == frameText && !admitted:
			if admitted = a.admits(payload); !admitted {
				_ = writeFrame(conn, frameClose, []byte{0x03, 0xf0}) // 1008, policy violation
				return
			}
		case kind == frameClose:
			_ = writeFrame(conn, frameClose, payload)
			return
		}
		if err != nil {
			return
		}
	}
}

// admits tells whether a channel's first message has a token of ours.
func (a *API) admits(message []byte) bool {
	var m struct{ TokenValue string }
	if json.Unmarshal(message, &m) != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.tokens, m.TokenValue)
}

var errFrame = errors.New("not a frame that a client may send")

// readFrame reads one masked frame (RFC 6455, 5.2).
func readFrame(r *bufio.Reader) (kind byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1] & 0x7f)
	if head[1]&0x80 == 0 {
		return 0, nil, fmt.Errorf("%w: not masked", errFrame)
	}
	switch size {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(b[:])
	}
	if size > maxFrame {
		return 0, nil, fmt.Errorf("%w: %d bytes", errFrame, size)
	}
	var mask [4]byte
	if _, err := io.ReadFull(r, mask[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, payload, nil
}

// writeFrame sends one short frame, not masked, as servers do.
func writeFrame(w io.Writer, kind byte, payload []byte) error {
	if len(payload) > 125 {
		payload = payload[:125]
	}
	_, err := w.Write(append([]byte{0x80 | kind, byte(len(payload))}, payload...))
	return err
}
