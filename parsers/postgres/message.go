package postgres

import (
	"strconv"
	"time"

	"flowscope/sensor"
)

// The kinds of message.
const (
	KindEncryption   = "encryption"
	KindStartup      = "startup"
	KindLogin        = "login"
	KindCancel       = "cancel"
	KindStatement    = "statement"
	KindNotice       = "notice"
	KindError        = "error"
	KindNotification = "notification"
	// KindUnanswered is what a client asked for, said again because its flow ended
	// without a response.
	KindUnanswered = "unanswered"
)

// The values of Pairing.
const (
	PairingNone    = "none"    // the request, or the response, was not seen
	PairingAssumed = "assumed" // both were seen, if no other message was missed
)

// Encryption is a request to encrypt the connection, and its answer. All messages
// are lent, with all that they point to, and valid until emit returns.
type Encryption struct {
	Kind     string        `json:"type"`
	Method   string        `json:"method"` // "ssl" or "gss"
	Accepted bool          `json:"accepted"`
	RTT      time.Duration `json:"rtt,omitempty"`
}

// Headline is the method, and whether it was accepted.
func (m *Encryption) Headline() string {
	if m.Accepted {
		return m.Method
	}
	return m.Method + " refused"
}

// Startup is a client's first message.
type Startup struct {
	Kind            string `json:"type"`
	Version         string `json:"version"` // "3.0"
	User            []byte `json:"user"`
	Database        []byte `json:"database,omitempty"` // empty: named like the user
	ApplicationName []byte `json:"application_name,omitempty"`
	ClientEncoding  []byte `json:"client_encoding,omitempty"`
	Replication     []byte `json:"replication,omitempty"`
}

// Headline is user and database.
func (m *Startup) Headline() string { return account(m.User, m.Database) }

// About implements sensor.Subject: user and database.
func (m *Startup) About() string { return account(m.User, m.Database) }

func account(user, database []byte) string {
	if len(database) == 0 {
		database = user
	}
	return string(user) + "@" + string(database)
}

// Login is how the authentication of a connection ended.
type Login struct {
	Kind     string `json:"type"`
	User     []byte `json:"user"`
	Database []byte `json:"database,omitempty"`
	// Auth is the method: "trust" where nothing was asked for, "password" (in
	// the clear), "md5", "scram-sha-256", "scram-sha-256-plus", "oauthbearer",
	// "sasl" (another mechanism), "gss", "sspi", "krb5", "scm", "crypt".
	Auth          string        `json:"auth"`
	Success       bool          `json:"success"`
	ServerVersion []byte        `json:"server_version,omitempty"`
	Error         *Fault        `json:"error,omitempty"`
	Duration      time.Duration `json:"duration,omitempty"` // since the Startup
	// Incomplete says that not all of what the client sent was seen.
	Incomplete bool  `json:"incomplete,omitempty"`
	Missing    int64 `json:"missing,omitempty"` // bytes that were not captured
}

// Headline is who was let in, or why not.
func (m *Login) Headline() string {
	text := "login " + account(m.User, m.Database)
	if m.Error != nil {
		text += " " + string(m.Error.Code)
	}
	return text
}

// Cancel is a request, on a connection of its own, to cancel what another
// connection does.
type Cancel struct {
	Kind string `json:"type"`
	PID  uint32 `json:"pid"` // of the server's process
}

// Headline says whom it cancels.
func (m *Cancel) Headline() string { return "cancel " + strconv.FormatUint(uint64(m.PID), 10) }

// The values of Statement.Protocol.
const (
	Simple   = "simple"   // a Query, which may hold several statements
	Extended = "extended" // an Execute, or what was to lead to one
	Function = "function" // a FunctionCall
)

// Statement is something that the server was asked to do, and what came of it.
type Statement struct {
	Kind string `json:"type"`
	// Protocol is how it was asked; empty if the request was not seen.
	Protocol string `json:"protocol,omitempty"`
	// Verb is the first word of the text, in upper case.
	Verb []byte `json:"verb,omitempty"`
	// Text is the statement, redacted.
	Text      []byte `json:"statement,omitempty"`
	Truncated bool   `json:"truncated,omitempty"` // the text is cut
	Name      []byte `json:"name,omitempty"`      // of the prepared statement
	// Unseen says that there is no text because it was not seen what was prepared.
	Unseen bool `json:"unseen,omitempty"`

	// Command is that of the last command tag, without numbers, such as
	// "CREATE TABLE".
	Command []byte `json:"command,omitempty"`
	// Rows is how many rows the commands say they returned or changed; of those
	// that were not completed, how many were returned.
	Rows int64 `json:"rows"`
	// Results is how many commands were completed, if it is more than one.
	Results   int    `json:"results,omitempty"`
	RowBytes  int64  `json:"row_bytes,omitempty"` // length of the rows returned
	Suspended bool   `json:"suspended,omitempty"` // there are more rows
	Copy      string `json:"copy,omitempty"`      // "in", "out" or "both"
	CopyBytes int64  `json:"copy_bytes,omitempty"`
	Error     *Fault `json:"error,omitempty"`
	// Stage is what failed, if it was not the execution: "parse", "bind",
	// "describe", "close" or "sync".
	Stage   string `json:"stage,omitempty"`
	Skipped int    `json:"skipped,omitempty"` // executions that its error skipped
	Notices int    `json:"notices,omitempty"`
	// Transaction is the state afterwards: "idle", "open" or "failed". It is
	// known of the last statement before a Sync.
	Transaction string `json:"transaction,omitempty"`

	RTT      time.Duration `json:"rtt,omitempty"`      // from the end of the request to the first of the response
	Duration time.Duration `json:"duration,omitempty"` // from the end of the request to the end of the response

	Pairing    string `json:"pairing,omitempty"`    // empty: the request is known
	Incomplete bool   `json:"incomplete,omitempty"` // the response, or what the client sent for it, was not seen to its end
	Missing    int64  `json:"missing,omitempty"`    // bytes of it that were not captured
}

// Headline is the beginning of the text, and how it ended.
func (m *Statement) Headline() string {
	text := string(m.Text)
	switch {
	case text == "" && len(m.Name) > 0:
		text = "execute " + string(m.Name)
	case text == "":
		text = string(m.Command)
	}
	if m.Error != nil {
		text += " " + string(m.Error.Code)
	}
	return text
}

// Unanswered is a statement, a Startup or a request to encrypt the connection to which
// no response came.
type Unanswered struct {
	Kind     string `json:"type"`
	Method   string `json:"method,omitempty"` // as of an Encryption
	User     []byte `json:"user,omitempty"`   // User and Database are those of a Startup.
	Database []byte `json:"database,omitempty"`
	// The others are those of a Statement.
	Protocol  string           `json:"protocol,omitempty"`
	Verb      []byte           `json:"verb,omitempty"`
	Text      []byte           `json:"statement,omitempty"`
	Truncated bool             `json:"truncated,omitempty"`
	Name      []byte           `json:"name,omitempty"`
	Unseen    bool             `json:"unseen,omitempty"`
	Missing   int64            `json:"missing,omitempty"`
	Sent      sensor.Timestamp `json:"sent,omitzero"` // when its end was, if that was seen
}

// Headline is what was asked for.
func (m *Unanswered) Headline() string {
	switch {
	case m.Method != "":
		return "unanswered " + m.Method
	case m.Protocol == "":
		return "unanswered startup " + account(m.User, m.Database)
	case len(m.Text) == 0 && len(m.Name) > 0:
		return "unanswered execute " + string(m.Name)
	}
	return "unanswered " + string(m.Text)
}

// Fault is what an error or a notice says.
type Fault struct {
	Severity []byte `json:"severity"` // "ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", …
	Code     []byte `json:"code"`     // SQLSTATE
	Text     []byte `json:"text,omitempty"`
	// Names that the error is about.
	Schema     []byte `json:"schema,omitempty"`
	Table      []byte `json:"table,omitempty"`
	Column     []byte `json:"column,omitempty"`
	DataType   []byte `json:"data_type,omitempty"`
	Constraint []byte `json:"constraint,omitempty"`
}

// Notice is a notice, or an error that belongs to no statement.
type Notice struct {
	Kind string `json:"type"` // "notice" or "error"
	Fault
	Pairing string `json:"pairing,omitempty"` // "none": which statement an error belongs to was not seen
	Missing int64  `json:"missing,omitempty"`
}

// Headline is severity, code and message.
func (m *Notice) Headline() string {
	return string(m.Severity) + " " + string(m.Code) + " " + string(m.Text)
}

// Notification is what a client hears that listens to a channel.
type Notification struct {
	Kind    string `json:"type"`
	PID     uint32 `json:"pid"` // of the process that notified
	Channel []byte `json:"channel"`
}

// Headline is the channel.
func (m *Notification) Headline() string { return "notify " + string(m.Channel) }

// Error is why a stream is not this protocol, or not understood.
type Error struct {
	Offset int64  // in the side's stream
	Reason string // in words
}

// Error returns the offset and the reason.
func (e *Error) Error() string {
	return "postgres: at offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}
