package table

import (
	"slices"
	"time"

	"flowscope/sensor"
)

// row is one flow of the table.
type row struct {
	bytes    uint64
	id       uint64
	flow     string
	app      string
	what     string
	messages int
	sent     [2]sensor.Counters
	duration time.Duration
	end      string
}

// heap keeps the largest rows, max at most, the least of them first.
type heap struct {
	max  int
	rows []row
}

// less orders rows by bytes; of equal ones, the flow that began later is less.
func less(aBytes, aID, bBytes, bID uint64) bool {
	if aBytes != bBytes {
		return aBytes < bBytes
	}
	return aID > bID
}

// wants reports whether a row of that size would be kept.
func (h *heap) wants(bytes, id uint64) bool {
	return len(h.rows) < h.max || less(h.rows[0].bytes, h.rows[0].id, bytes, id)
}

func (h *heap) less(i, j int) bool {
	return less(h.rows[i].bytes, h.rows[i].id, h.rows[j].bytes, h.rows[j].id)
}

// push adds a row that is wanted, in place of the least if need be.
func (h *heap) push(r row) {
	if len(h.rows) == h.max {
		h.rows[0] = r
		h.down()
		return
	}
	h.rows = append(h.rows, r)
	for i := len(h.rows) - 1; i > 0 && h.less(i, (i-1)/2); i = (i - 1) / 2 {
		h.rows[i], h.rows[(i-1)/2] = h.rows[(i-1)/2], h.rows[i]
	}
}

func (h *heap) down() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.rows); child++ {
			if h.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.rows[i], h.rows[least] = h.rows[least], h.rows[i]
		i = least
	}
}

// sorted returns the rows, the largest first.
func (h *heap) sorted() []row {
	rows := slices.Clone(h.rows)
	slices.SortFunc(rows, func(a, b row) int {
		if less(a.bytes, a.id, b.bytes, b.id) {
			return 1
		}
		return -1
	})
	return rows
}
