// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"net/http"
	"strings"

	"filebeat-websocket/cmd/wscheck/internal/wire"
	"filebeat-websocket/protocol"
)

// greet dials for a check of the answer, and closes the connection.
func (r *run) greet(d dialing) (answer *wire.Answer, problem string) {
	conn, answer, err := r.dial(d)
	if err != nil {
		return nil, "cannot connect: " + err.Error()
	}
	if conn != nil {
		newSession(r, conn, answer).close()
	}
	return answer, ""
}

const upgradeRequest = "GET with Upgrade: websocket"

func checkUpgrade(r *run) Verdict {
	answer, problem := r.greet(dialing{})
	if answer == nil {
		return judge(upgradeRequest+" to "+r.URL.Redacted(), "nothing", problem)
	}
	if answer.Status != http.StatusSwitchingProtocols {
		problem = "the answer is not 101 Switching Protocols"
	} else {
		problem = strings.Join(answer.Problems, "; ")
	}
	return judge(upgradeRequest, answer.Summary(), problem)
}

func checkSubprotocol(r *run) Verdict {
	answer, problem := r.greet(dialing{})
	sent := upgradeRequest + ", Sec-WebSocket-Protocol: " + protocol.Subprotocol
	if answer == nil {
		return judge(sent, "nothing", problem)
	}
	if answer.Protocol != protocol.Subprotocol {
		problem = "without Sec-WebSocket-Protocol: " + protocol.Subprotocol + " in the answer, Filebeat sends no data"
	}
	return judge(sent, answer.Summary(), problem)
}

func checkUnasked(r *run) Verdict {
	answer, problem := r.greet(dialing{})
	sent := upgradeRequest + ", no extension"
	if r.Ack != Message {
		sent += ", no subprotocol"
	}
	if answer == nil {
		return judge(sent, "nothing", problem)
	}
	switch {
	case answer.Extensions != "":
		problem = "the answer has an extension that was not offered"
	case answer.Protocol != "" && r.Ack != Message:
		problem = "the answer has a subprotocol, but none was offered"
	case answer.Protocol != "" && answer.Protocol != protocol.Subprotocol:
		problem = "the answer has a subprotocol that was not offered"
	}
	return judge(sent, answer.Summary(), problem)
}

const deflateOffered = upgradeRequest + ", permessage-deflate with server_no_context_takeover and client_no_context_takeover"

func checkDeflateAnswer(r *run) Verdict {
	answer, problem := r.greet(dialing{deflate: true})
	switch {
	case answer == nil:
		return judge(deflateOffered, "nothing", problem)
	case answer.Status != http.StatusSwitchingProtocols:
		problem = "a server that does not want an extension leaves it out of its answer"
	case answer.Extensions != "" && !answer.Deflate:
		problem = "the answer has to have server_no_context_takeover, and nothing that was not offered: Filebeat dials again, without compression"
	}
	return judge(deflateOffered, answer.Summary(), problem)
}

func checkWrongToken(r *run) Verdict {
	answer, problem := r.greet(dialing{token: "wscheck-sends-a-wrong-token"}) // #nosec G101 -- it is meant to be wrong
	const sent = upgradeRequest + ", Authorization: Bearer wscheck-sends-a-wrong-token"
	if answer == nil {
		return judge(sent, "nothing", problem)
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
	case http.StatusSwitchingProtocols:
		problem = "anyone can connect"
	default:
		problem = "only after 401 and 403 does Filebeat wait long, and read its token anew"
	}
	return judge(sent, answer.Summary(), problem)
}
