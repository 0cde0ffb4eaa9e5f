package http2

import "strconv"

// errorNames are the error codes of RST_STREAM and GOAWAY (RFC 9113, 7).
var errorNames = [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
	"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
	"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}

func errorName(code uint32) string {
	if code < uint32(len(errorNames)) {
		return errorNames[code]
	}
	return strconv.FormatUint(uint64(code), 10)
}

// grpcNames are the codes of gRPC (grpc/grpc, doc/statuscodes.md).
var grpcNames = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
	"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

func grpcName(code int) string {
	if code >= 0 && code < len(grpcNames) {
		return grpcNames[code]
	}
	return ""
}

// number reads a decimal number without sign of up to 2^62, or returns -1.
func number(b []byte) int64 {
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' || n > (1<<62-9)/10 {
			return -1
		}
		n = 10*n + int64(c-'0')
	}
	if len(b) == 0 {
		return -1
	}
	return n
}
