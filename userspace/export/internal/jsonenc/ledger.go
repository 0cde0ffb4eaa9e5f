package jsonenc

import (
	"strconv"

	"flowscope/sensor"
)

// AppendLedger appends the fields of a ledger, each with a comma before it:
//
//	,"balanced":true,"accounts":{"frames":{"unit":"packets","total":9,"rows":{"accounted":9}}}
func (e *Encoder) AppendLedger(dst []byte, l *sensor.Ledger) []byte {
	dst = strconv.AppendBool(append(dst, `,"balanced":`...), l.Check() == nil)
	dst = append(dst, `,"accounts":{`...)
	for i := range l.Accounts {
		a := &l.Accounts[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e.AppendString(dst, a.Stage)
		dst = e.AppendString(append(dst, `:{"unit":`...), a.Unit)
		dst = strconv.AppendUint(append(dst, `,"total":`...), a.Total, 10)
		dst = append(dst, `,"rows":{`...)
		for j, r := range a.Rows {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(e.AppendString(dst, r.Name), ':')
			dst = strconv.AppendUint(dst, r.Count, 10)
		}
		dst = append(dst, "}}"...)
	}
	return append(dst, '}')
}
