// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet runs several wsreceivers behind a balancer: how agents spread over them,
// and what is stored while receivers and the engine behind them are killed.
package fleet
