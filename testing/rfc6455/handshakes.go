// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

// Handshakes returns all handshakes.
func Handshakes() []Handshake {
	var all []Handshake
	for _, group := range []struct {
		name       string
		handshakes []Handshake
	}{
		{"Requests", requests()},
		{"Answers", answers()},
		{"Offers of permessage-deflate", offers()},
		{"Answers with permessage-deflate", agreements()},
	} {
		for _, h := range group.handshakes {
			h.Group = group.name
			all = append(all, h)
		}
	}
	return all
}

func request(section, name, verdict, first string, lines ...string) Handshake {
	return Handshake{Section: section, Name: name, Side: Server, first: first, lines: lines, verdicts: []string{verdict}}
}

func requests() []Handshake {
	return []Handshake{
		request("4.2.1", "a good request", opens, ""),
		request("4.2.1", "in upper case", opens, "", "UPGRADE: WEBSOCKET", "CONNECTION: UPGRADE"),
		request("4.2.1", "with more in Connection", opens, "", "Connection: keep-alive, Upgrade"),
		request("4.2.1", "with an extension that nobody knows", opens, "", "Sec-WebSocket-Extensions: x-unknown; a=1"),
		request("4.2.1", "with a subprotocol that nobody knows", opens, "", "Sec-WebSocket-Protocol: x-unknown.v1"),
		request("4.2.1", "with a header that nobody knows", opens, "", "X-Unknown: value"),
		request("4.2.1", "without Upgrade", refuses, "", "Upgrade:"),
		request("4.2.1", "with another Upgrade", refuses, "", "Upgrade: h2c"),
		request("4.2.1", "without Connection", refuses, "", "Connection:"),
		request("4.2.1", "with another Connection", refuses, "", "Connection: keep-alive"),
		request("4.2.1", "without a key", refuses, "", "Sec-WebSocket-Key:"),
		request("4.2.1", "with a key of 15 bytes", refuses, "", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2Rl"),
		request("4.2.1", "with a key that is not base64", refuses, "", "Sec-WebSocket-Key: ????????????????????????"),
		request("4.2.1", "without a version", refuses, "", "Sec-WebSocket-Version:"),
		request("4.4", "with version 8", refuses, "", "Sec-WebSocket-Version: 8"),
		request("4.4", "with version 14", refuses, "", "Sec-WebSocket-Version: 14"),
		request("4.2.1", "with POST", refuses, "POST PATH HTTP/1.1"),
		request("4.2.1", "with HTTP/1.0", refuses, "GET PATH HTTP/1.0"),
		request("4.2.1", "without Host", refuses, "", "Host:"),
	}
}

func answer(section, name, verdict, first string, lines ...string) Handshake {
	return Handshake{Section: section, Name: name, Side: Client, first: first, lines: lines, verdicts: []string{verdict}}
}

func answers() []Handshake {
	wrong := answer("4.1", "with a wrong Sec-WebSocket-Accept", refuses, "")
	wrong.accept = acceptOf("another key")
	return []Handshake{
		answer("4.1", "a good answer", opens, ""),
		answer("4.1", "in upper case", opens, "", "UPGRADE: WEBSOCKET", "CONNECTION: UPGRADE"),
		answer("4.1", "with more in Connection", opens, "", "Connection: keep-alive, Upgrade"),
		answer("4.1", "with another reason", opens, "HTTP/1.1 101 Web Socket Protocol Handshake"),
		answer("4.1", "with a header that nobody knows", opens, "", "X-Unknown: value"),
		answer("4.1", "with status 200", refuses, "HTTP/1.1 200 OK"),
		answer("4.1", "with status 302", refuses, "HTTP/1.1 302 Found"),
		answer("4.1", "with status 401", refuses, "HTTP/1.1 401 Unauthorized"),
		answer("4.1", "without Upgrade", refuses, "", "Upgrade:"),
		answer("4.1", "with another Upgrade", refuses, "", "Upgrade: h2c"),
		answer("4.1", "without Connection", refuses, "", "Connection:"),
		answer("4.1", "with another Connection", refuses, "", "Connection: keep-alive"),
		answer("4.1", "without Sec-WebSocket-Accept", refuses, "", "Sec-WebSocket-Accept:"),
		wrong,
		answer("4.1", "with an extension that was not offered", refuses, "", "Sec-WebSocket-Extensions: x-unknown"),
		answer("4.1", "with permessage-deflate, which was not offered", refuses, "", "Sec-WebSocket-Extensions: permessage-deflate"),
		answer("4.1", "with a subprotocol that was not offered", refuses, "", "Sec-WebSocket-Protocol: x-unknown.v1"),
	}
}

func offers() (all []Handshake) {
	offer := func(section, offer string, verdicts ...string) {
		h := request("7692 "+section, "`"+offer+"`", "", "", "Sec-WebSocket-Extensions: "+offer)
		h.verdicts = verdicts
		all = append(all, h)
	}
	// A server may decline any offer.
	for _, good := range []struct{ section, offer string }{
		{"7.1", "permessage-deflate"},
		{"7.1.1.1", "permessage-deflate; server_no_context_takeover"},
		{"7.1.1.2", "permessage-deflate; client_no_context_takeover"},
		{"7.1.1", DeflateOffer},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=8"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=10"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=15"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=8"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=10"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=15"},
		{"5.2", `permessage-deflate; server_max_window_bits="10"`},
		{"5.1", "permessage-deflate; server_max_window_bits=10, permessage-deflate"},
		{"5.1", "x-unknown, permessage-deflate"},
		{"5.1", "permessage-deflate; unknown, permessage-deflate; client_max_window_bits"},
	} {
		offer(good.section, good.offer, deflates, opens)
	}
	for _, wrong := range []struct{ section, offer string }{
		{"7.1", "permessage-deflate; unknown"},
		{"7.1", "permessage-deflate; server_no_context_takeover; server_no_context_takeover"},
		{"7.1.1.1", "permessage-deflate; server_no_context_takeover=1"},
		{"7.1.1.2", "permessage-deflate; client_no_context_takeover=1"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=7"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=16"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=010"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=ten"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=7"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=16"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=ten"},
	} {
		// The offer has to be declined; a server may also refuse the request.
		offer(wrong.section, wrong.offer, opens, refuses)
	}
	return all
}

func agreements() (all []Handshake) {
	agreement := func(section, answered string, verdicts ...string) {
		h := answer("7692 "+section, "`"+answered+"`", "", "", "Sec-WebSocket-Extensions: "+answered)
		h.Deflate, h.verdicts = true, verdicts
		all = append(all, h)
	}
	agreement("7.1.1", DeflateOffer, deflates)
	agreement("7.1.1", "permessage-deflate; client_no_context_takeover; server_no_context_takeover", deflates)
	// A client may also refuse what it did not ask for.
	agreement("7.1.1.1", "permessage-deflate; server_no_context_takeover", deflates, refuses)
	agreement("7.1.2.1", DeflateOffer+"; server_max_window_bits=10", deflates, refuses)
	agreement("7.1.2.1", DeflateOffer+"; server_max_window_bits=15", deflates, refuses)
	for _, wrong := range []struct{ section, answer string }{
		{"5.1", "x-unknown"},
		{"7.1", DeflateOffer + "; unknown"},
		{"7.1", DeflateOffer + "; server_no_context_takeover"},
		{"7.1", DeflateOffer + ", " + DeflateOffer},
		{"7.1.1.1", "permessage-deflate; server_no_context_takeover=1; client_no_context_takeover"},
		{"7.1.1.2", "permessage-deflate; server_no_context_takeover; client_no_context_takeover=1"},
		{"7.1.2.1", DeflateOffer + "; server_max_window_bits"},
		{"7.1.2.1", DeflateOffer + "; server_max_window_bits=7"},
		{"7.1.2.1", DeflateOffer + "; server_max_window_bits=16"},
		{"7.1.2.1", DeflateOffer + "; server_max_window_bits=010"},
		{"7.1.2.1", DeflateOffer + "; server_max_window_bits=ten"},
		{"7.1.2.2", DeflateOffer + "; client_max_window_bits=7"},
		{"7.1.2.2", DeflateOffer + "; client_max_window_bits=16"},
	} {
		agreement(wrong.section, wrong.answer, refuses)
	}
	return all
}
