package fields

import "slices"

// Version is the version of the schema of the JSON lines. A field that is new
// does not change it; one that goes away, or gets another meaning or type, does.
const Version = 1

// Object is a set of the types of objects that a field can be part of.
type Object uint8

// The types of objects, by the value of their field "type".
const (
	Flow Object = 1 << iota
	Message
	Gap
	Anomaly
	Error
	Ledger

	eventOnly = Message | Gap | Anomaly | Error
	ofAFlow   = Flow | eventOnly
	all       = ofAFlow | Ledger
)

// Objects lists the types of objects in the order of the documentation.
var Objects = []struct {
	Object Object
	Name   string // the value of "type"
	Doc    string
}{
	{Flow, "flow", "one record of a flow: the last one, or an interim record of a flow that goes on (`final` tells which)"},
	{Message, "message", "what a parser read from the payload of a flow"},
	{Gap, "gap", "bytes of one side of a flow that no parser will see"},
	{Anomaly, "anomaly", "something odd in a flow that ends nothing, at most once per flow, side and kind"},
	{Error, "error", "a parser was retired from a flow, or refused a datagram; the flow is counted on"},
	{Ledger, "ledger", "the books of the whole run, once, as the last line"},
}

// Type is the JSON type of a field.
type Type string

// The types of fields.
const (
	String   Type = "string"
	Integer  Type = "integer"
	Number   Type = "number"
	Boolean  Type = "boolean"
	Integers Type = "array of integers"
	Strings  Type = "array of strings"
	Any      Type = "object"
)

// Field is one row of the table.
type Field struct {
	Name string // in JSON lines
	In   Object // the objects that can have it
	Type Type
	Unit string // "" where there is none
	When string // when it is present; "" is always
	Doc  string

	// What other formats call it; "" where they cannot say it.
	EVE   string // Suricata's EVE, a flow or event object
	Zeek  string // Zeek's conn.log
	IPFIX string // information element, by number
	OTel  string // attribute of OpenTelemetry's netflow receiver
}

// Lookup returns the field of that name in objects of type o.
func Lookup(o Object, name string) (Field, bool) {
	i := slices.IndexFunc(Table, func(f Field) bool { return f.In&o != 0 && f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return Table[i], true
}

// OfType returns the type of objects whose field "type" has that value, 0 if
// there is none.
func OfType(name string) Object {
	for _, o := range Objects {
		if o.Name == name {
			return o.Object
		}
	}
	return 0
}
