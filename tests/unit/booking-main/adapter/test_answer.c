#include "tests/unit/booking-main/adapter/answer_unit.h"

/* --- answers that are of use ----------------------------------------------------------------- */

static void a_body_has_the_length_that_is_said(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(OK_LINE TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: 0\r\n\r\n", 200, NULL, ""),
        KEPT(OK_LINE "Content-Length: 9\r\n\r\n\r\n\0\n\r\n0\r\n", 200, NULL, "\r\n\0\n\r\n0\r\n"),
        KEPT(OK_LINE "cOnTeNt-LeNgTh:2\r\n\r\n{}", 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: \t 2 \t \r\n\r\n{}", 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: 0002\r\n\r\n{}", 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: 2\r\nA: b\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "X-Content-Length: 5\r\nContent-Length-X: 6\r\n" TWO, 200, NULL, "{}"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_status_line_needs_no_reason(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 200 \r\n" TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 200\r\n" TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 503 \x80\xff: not\tnow\r\n" TWO, 503, NULL, "{}"),
        KEPT("HTTP/1.1 404 Not Found\r\n" TWO, 404, NULL, "{}"),
        KEPT("HTTP/1.1 599 Odd\r\nEmpty:\r\nColons: a:b::c\r\n" TWO, 599, NULL, "{}"),
        LAST("HTTP/1.0 302 Found\r\n" TWO, 302, NULL, "{}"),
    };
    check_all(samples, LENGTH(samples));
}

static void lines_may_end_in_lf_alone(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", 200, NULL, "{}"),
        KEPT("HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n{}", 200, NULL, "{}"),
        KEPT("HTTP/1.1 200 OK\nContent-Length: 2\r\n\n{}", 200, NULL, "{}"),
        KEPT("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\r\n1\r\nb\n0\nA: b\n\n", 200,
             NULL, "ab"),
        KEPT("HTTP/1.1 100 Continue\n\nHTTP/1.1 204 None\n\n", 204, NULL, ""),
        UNTIL("HTTP/1.1 200 OK\n\n{}\n", 200, NULL, "{}\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(CHUNKED "2\r\n{}\r\n0\r\n\r\n", 200, NULL, "{}"),
        KEPT(CHUNKED "0\r\n\r\n", 200, NULL, ""),
        KEPT(CHUNKED "000\r\n\r\n", 200, NULL, ""),
        KEPT(CHUNKED "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", 200, NULL, "abcdef"),
        KEPT(CHUNKED "A\r\n0123456789\r\nb\r\n0123456789a\r\n00C\r\n0123456789ab\r\n0\r\n\r\n", 200,
             NULL, "01234567890123456789a0123456789ab"),
        /* The body looks like the end of one. */
        KEPT(CHUNKED "A\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n", 200, NULL, "\r\n0\r\n\r\n0\r\n"),
        KEPT(CHUNKED "2;a\r\n{}\r\n0;b=c;d=\"e;f\"\r\n\r\n", 200, NULL, "{}"),
        KEPT(CHUNKED "2 \t; a = b\r\n{}\r\n0 \r\n\r\n", 200, NULL, "{}"),
        KEPT(CHUNKED "2\r\n{}\r\n0\r\nA: b\r\nContent-Length: 7\r\nConnection: x\r\n\r\n", 200,
             NULL, "{}"),
        KEPT(OK_LINE "transfer-ENCODING: \t cHUNKed \r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, NULL, "{}"),
    };
    check_all(samples, LENGTH(samples));
}

static void many_small_chunks_make_one_body(void **state)
{
    (void)state;
    char body[3000];
    buffer_add_text(&built, CHUNKED);
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (char)('a' + i % 26);
        buffer_printf(&built, "%s1%s\r\n%c\r\n", i % 3 ? "" : "00", i % 7 ? "" : ";x=\"yz\"",
                      body[i]);
    }
    buffer_add_text(&built, "0\r\n\r\n");
    check(&(struct sample){built.data, built.size, ADAPTER_ANSWERED, 200, NULL, body, sizeof body,
                           true, 0, false});
}

static void a_body_may_end_with_the_connection(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        UNTIL(OK_LINE "\r\n{}", 200, NULL, "{}"),
        UNTIL(OK_LINE "\r\n", 200, NULL, ""),
        UNTIL(OK_LINE "Connection: keep-alive\r\n\r\n\r\n\0\r\n", 200, NULL, "\r\n\0\r\n"),
        UNTIL("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", 200, "text/plain",
              "hello"),
        UNTIL("HTTP/1.1 100 Continue\r\n\r\n" OK_LINE "\r\nHTTP/1.1", 200, NULL, "HTTP/1.1"),
    };
    check_all(samples, LENGTH(samples));
}

/* RFC 9112, section 6.3, whatever the fields say. */
static void some_statuses_have_no_body(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 204 No Content\r\n\r\n", 204, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\n\r\n", 304, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\nContent-Length: 17\r\n\r\n", 304, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\nContent-Length: 70000\r\n\r\n", 304, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, NULL, ""),
        LAST("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 204, NULL, ""),
        LAST("HTTP/1.0 304 Not Modified\r\n\r\n", 304, NULL, ""),
        /* These announce what they must not send, and may send it all the same. */
        LAST("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204, NULL, ""),
        LAST("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, NULL, ""),
        FOLLOWED("{}", "HTTP/1.1 204 No Content\r\nContent-Type: a/b\r\n\r\n", 204, "a/b", ""),
    };
    check_all(samples, LENGTH(samples));
}

static void interim_answers_are_passed_over(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 100 Continue\r\n\r\n" OK_LINE TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 100\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 199 X\r\n\r\n" OK_LINE TWO, 200,
             NULL, "{}"),
        KEPT("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=b\r\nContent-Type: text/html\r\n"
             "Set-Cookie: c\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK_LINE TWO,
             200, NULL, "{}"),
        KEPT("HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n" OK_LINE
             "Content-Type: text/plain\r\n" TWO,
             200, "text/plain", "{}"),
        /* An interim answer has no body, so these are not what the next head goes by. */
        KEPT("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" OK_LINE TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" OK_LINE
             "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
             200, NULL, "a"),
        KEPT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", 204, NULL, ""),
    };
    check_all(samples, LENGTH(samples));
}

/* More of them than there is ever room for. */
static void interim_answers_may_be_many(void **state)
{
    (void)state;
    for (int i = 0; built.size < sizeof answer->input + 1000; i++)
        buffer_printf(&built, "HTTP/1.1 1%d%d X\r\nA: %d\r\n\r\n", i % 9 + 1, i % 10, i);
    buffer_add_text(&built, OK_LINE TWO);
    check(&(struct sample){built.data, built.size, ADAPTER_ANSWERED, 200, NULL, RAW("{}"), true, 0,
                           false});
}

static void another_protocol_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        USELESS("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\n\r\n" OK_LINE TWO),
    };
    check_all(samples, LENGTH(samples));
}

static void a_connection_is_kept_unless_the_server_says_otherwise(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(OK_LINE "Connection: keep-alive\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Connection: closed, disclose, close-not\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Connection:\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "X-Connection: close\r\nConnect: close\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: close\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "CONNECTION:cLOSe\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: keep-alive, Close\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: ,, close,x\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: \t close \t , x\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: x\r\nConnection: close\r\nConnection: y\r\n" TWO, 200, NULL,
             "{}"),
        LAST("HTTP/1.0 200 OK\r\n" TWO, 200, NULL, "{}"),
        LAST("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" TWO, 200, NULL, "{}"),
        LAST("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, NULL,
             "a"),
        /* RFC 9112, section 6.1: the chunks count, and the connection is at its end. */
        LAST(OK_LINE "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
             200, NULL, "a"),
        LAST(OK_LINE "Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n1\r\na\r\n0\r\n\r\n",
             200, NULL, "a"),
    };
    check_all(samples, LENGTH(samples));
}

/* RFC 9112, section 6.3: it must not be taken for an answer to the next call. */
static void what_follows_an_answer_ends_the_connection(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        FOLLOWED("\n", OK_LINE TWO, 200, NULL, "{}"),
        FOLLOWED("\r\n", OK_LINE TWO, 200, NULL, "{}"),
        FOLLOWED(OK_LINE TWO, OK_LINE TWO, 200, NULL, "{}"),
        FOLLOWED("\0", OK_LINE "Content-Length: 0\r\n\r\n", 200, NULL, ""),
        FOLLOWED("0\r\n\r\n", CHUNKED "2\r\n{}\r\n0\r\n\r\n", 200, NULL, "{}"),
        FOLLOWED("HTTP", CHUNKED "2\r\n{}\r\n0\r\nA: b\r\n\r\n", 200, NULL, "{}"),
        FOLLOWED(OK_LINE TWO, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 X\r\n\r\n", 304, NULL, ""),
    };
    check_all(samples, LENGTH(samples));
}

static void the_first_content_type_counts(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(OK_LINE "Content-Type: application/json\r\n" TWO, 200, "application/json", "{}"),
        KEPT(OK_LINE "content-TYPE: \t text/plain; charset=\"utf-8\" \t\r\n" TWO, 200,
             "text/plain; charset=\"utf-8\"", "{}"),
        KEPT(OK_LINE "Content-Type: a/b\r\nContent-Type: c/d\r\n" TWO, 200, "a/b", "{}"),
        KEPT(OK_LINE "X-Content-Type: a/b\r\nContent-Types: c/d\r\n" TWO, 200, NULL, "{}"),
        /* The body's chunks are moved about in the same memory. */
        KEPT(OK_LINE "Transfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n"
                     "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n1\r\nb\r\n0\r\nContent-Type: c/d"
                     "\r\n\r\n",
             200, "a/b", "ab"),
        KEPT(OK_LINE "Content-Type:\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Type: \r\nContent-Type: a/b\r\n" TWO, 200, "a/b", "{}"),
        KEPT(OK_LINE "Content-Type: a/b;\tc=d\r\n" TWO, 200, "a/b; c=d", "{}"),
        USELESS(OK_LINE "Content-Type: a\x01/b\r\n" TWO),
        USELESS(OK_LINE "Content-Type: a/b\x1f\r\n" TWO),
        USELESS(OK_LINE "Content-Type: a/b\x7f\r\n" TWO),
        USELESS(OK_LINE "Content-Type: a/b\rX-Injected: c\r\n" TWO),
    };
    check_all(samples, LENGTH(samples));
}

/* --- answers that are of none ---------------------------------------------------------------- */

static void a_status_line_that_is_none_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS("\r\n" OK_LINE TWO),
        USELESS("http/1.1 200 OK\r\n" TWO),
        USELESS("HTTP/2 200\r\n" TWO),
        USELESS("HTTP/2.0 200 OK\r\n" TWO),
        USELESS("HTTP/1 200 OK\r\n" TWO),
        USELESS("HTTP/1. 200 OK\r\n" TWO),
        USELESS("HTTP/1.x 200 OK\r\n" TWO),
        USELESS("HTTP/1.10 200 OK\r\n" TWO),
        USELESS("HTTP/11.1 200 OK\r\n" TWO),
        USELESS("HTTPS/1.1 200 OK\r\n" TWO),
        USELESS(" HTTP/1.1 200 OK\r\n" TWO),
        USELESS("HTTP/1.1200 OK\r\n" TWO),
        USELESS("HTTP/1.1\r\n" TWO),
        USELESS("HTTP/1.1 \r\n" TWO),
        USELESS("HTTP/1.1 OK\r\n" TWO),
        USELESS("HTTP/1.1 20 OK\r\n" TWO),
        USELESS("HTTP/1.1 2000 OK\r\n" TWO),
        USELESS("HTTP/1.1 2x0 OK\r\n" TWO),
        USELESS("HTTP/1.1 200OK\r\n" TWO),
        USELESS("HTTP/1.1 -20 OK\r\n" TWO),
        USELESS("HTTP/1.1 +20 OK\r\n" TWO),
        USELESS("HTTP/1.1 0x2 OK\r\n" TWO),
        USELESS("HTTP/1.1 000 OK\r\n" TWO),
        USELESS("HTTP/1.1 099 OK\r\n" TWO),
        USELESS("HTTP/1.1 099 Interim\r\n\r\n" OK_LINE TWO),
        USELESS("SSH-2.0-OpenSSH_9.2\r\n"),
        USELESS("{\"carid\":\"a\"}\n"),
        USELESS("HTTP/1.1 100 Continue\r\n\r\n\r\n" OK_LINE TWO),
        USELESS("HTTP/1.1 100 Continue\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_field_line_that_is_none_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Field\r\n" TWO),
        USELESS(OK_LINE ": value\r\n" TWO),
        USELESS(OK_LINE ":\r\n" TWO),
        USELESS(OK_LINE "Field : value\r\n" TWO),
        USELESS(OK_LINE "Field\t: value\r\n" TWO),
        USELESS(OK_LINE "Content-Length : 2\r\n\r\n{}"),
        USELESS(OK_LINE "Fie ld: value\r\n" TWO),
        USELESS(OK_LINE " Field: value\r\n" TWO),
        USELESS(OK_LINE "Field: value\r\n continued\r\n" TWO),
        USELESS(OK_LINE "Field: value\r\n\tcontinued: so\r\n" TWO),
        USELESS(OK_LINE "Field: value\r\n \r\n" TWO),
        USELESS(OK_LINE "Content-Length:\r\n 2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\r\nField\r\n\r\n{}"),
        USELESS("HTTP/1.1 100 Continue\r\nField\r\n\r\n" OK_LINE TWO),
        USELESS("HTTP/1.1 204 No Content\r\n\t\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_length_that_is_none_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: -2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: -0\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: +2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length:\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: \t \r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: two\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2x\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 0x2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2.0\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2 2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2,3\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2,\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: \"2\"\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 0\r\n" TWO),
        USELESS(OK_LINE "Content-Length: 2\r\nContent-Length:\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 65537\r\n\r\n"),
        USELESS(OK_LINE "Content-Length: 4294967298\r\n\r\n{}"),           /* 2^32 + 2 */
        USELESS(OK_LINE "Content-Length: 9223372036854775810\r\n\r\n{}"),  /* 2^63 + 2 */
        USELESS(OK_LINE "Content-Length: 18446744073709551618\r\n\r\n{}"), /* 2^64 + 2 */
        USELESS(OK_LINE "Content-Length: 99999999999999999999999999999999999\r\n\r\n{}"),
    };
    check_all(samples, LENGTH(samples));
}

/* A last coding other than chunked means a body of unknown length or meaning. */
static void a_transfer_coding_other_than_chunked_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Transfer-Encoding: gzip\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: identity\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding:\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: \x0b"
                        "chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: gzip\r\n" TWO),
        USELESS(OK_LINE "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void chunks_that_are_none_are_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(CHUNKED "\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "x\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED " 2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "-2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "+2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "0x2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2h\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2 2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2,2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED ";a\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{} \r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "4\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}\r\n\r\n0\r\n\r\n"),
        USELESS(CHUNKED "10001\r\n"),
        USELESS(CHUNKED "100000002\r\n{}\r\n0\r\n\r\n"),         /* 2^32 + 2 */
        USELESS(CHUNKED "8000000000000002\r\n{}\r\n0\r\n\r\n"),  /* 2^63 + 2 */
        USELESS(CHUNKED "ffffffffffffffff\r\n{}\r\n0\r\n\r\n"),  /* -1 */
        USELESS(CHUNKED "10000000000000002\r\n{}\r\n0\r\n\r\n"), /* 2^64 + 2 */
        USELESS(CHUNKED "2\r\n{}\r\nfffffffffffffffe\r\n{}\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

/* RFC 9110, section 5.5, and RFC 9112, section 2.2: a NUL or a CR in a line is refused or read as a
 * space. It must not end the line, nor the head. None of these is good with a space, either. */
static void a_nul_ends_no_status_line(void **state)
{
    (void)state;
    check(&(struct sample)USELESS("HTTP/1.1 200\0OK\r\n" TWO));
}

static void a_nul_ends_no_field(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: 2\0009\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\0, 9\r\n\r\n{}"),
        USELESS(OK_LINE "Transfer-Encoding: chunked\0, gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Content-Type: text/plain\0;x\r\n" TWO),
        USELESS(OK_LINE "Fie\0ld: value\r\n" TWO),
    };
    check_all(samples, LENGTH(samples));
}

static void a_nul_ends_no_head(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: 2\r\n\0\r\nX: y\r\n\r\n{}"),
        USELESS(OK_LINE "\0Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        USELESS("HTTP/1.1 100 Continue\r\n\0\r\n" OK_LINE "Content-Length: 0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_nul_ends_no_chunk_size(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(CHUNKED "2\0009\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\0\r\n{}\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_nul_ends_no_chunk(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(CHUNKED "2\r\n{}\0\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}\0more\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

/* Whether its lines are looked at or not: it goes to the empty one. */
static void a_nul_ends_no_trailer(void **state)
{
    (void)state;
    static const char raw[] = CHUNKED "2\r\n{}\r\n0\r\n\0\r\nX: y\r\n\r\n";
    for (size_t size = sizeof raw - 7; size < sizeof raw - 1; size++) {
        size_t given;
        enum adapter_outcome progress = read_cut(answer, raw, size, in_bytes, &given);
        assert_true(progress == ADAPTER_PENDING || progress == ADAPTER_UNUSABLE);
    }
}

static void a_bare_cr_hides_no_close(void **state)
{
    (void)state;
    static const char *const raws[] = {
        OK_LINE "Connection: close\r\r\n" TWO,
        OK_LINE "Connection: \rclose\r\n" TWO,
        OK_LINE "Connection: x,\rclose\r,y\r\n" TWO,
    };
    for (size_t i = 0; i < LENGTH(raws); i++) {
        size_t given;
        if (read_cut(answer, raws[i], strlen(raws[i]), in_one, &given) == ADAPTER_ANSWERED)
            assert_false(answer->keep);
    }
}

static void a_bare_cr_hides_no_field(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length\r: 2\r\n\r\n{}"),
        USELESS(OK_LINE "\rContent-Length: 2\r\n\r\n{}"),
        USELESS(OK_LINE "\rTransfer-Encoding: chunked\r\n" TWO),
    };
    check_all(samples, LENGTH(samples));
}

static void a_bare_cr_ends_nothing(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: 2\r9\r\n\r\n{}"),
        USELESS(OK_LINE "Transfer-Encoding: chunked\r, gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "\r\r\n" TWO),
        USELESS(CHUNKED "2\r9\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}\r\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

/* --- one after another ----------------------------------------------------------------------- */

static void nothing_at_all_is_cut_off(void **state)
{
    (void)state;
    adapter_answer_begin(answer);
    assert_int_equal(adapter_answer_closed(answer), ADAPTER_BROKE_OFF);
}

/* Whatever the last answer was, and wherever it was left, the next owes nothing to it. */
static void the_next_answer_owes_nothing_to_the_last(void **state)
{
    (void)state;
    static const struct sample next[] = {
        KEPT(OK_LINE TWO, 200, NULL, "{}"),
        UNTIL(OK_LINE "\r\n", 200, NULL, ""),
        KEPT(CHUNKED "1\r\na\r\n0\r\n\r\n", 200, NULL, "a"),
        KEPT("HTTP/1.1 204 X\r\n\r\n", 204, NULL, ""),
    };
    static const char *const last[] = {
        OK_LINE "Content-Type: a/b\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        OK_LINE "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\nA: b",
        "HTTP/1.0 500 X\r\nContent-Type: a/b\r\n\r\nhello",
        OK_LINE "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        OK_LINE "Content-Length: 5\r\n\r\nhelloagain",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\n\r\n",
    };
    for (size_t i = 0; i < LENGTH(last); i++)
        for (size_t size = 0; size <= strlen(last[i]); size++) {
            adapter_answer_begin(answer);
            receive(answer, last[i], size);
            if (size % 2)
                adapter_answer_closed(answer);
            check_cut(&next[size % LENGTH(next)], in_one);
        }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_body_has_the_length_that_is_said),
        TEST(a_status_line_needs_no_reason),
        TEST(lines_may_end_in_lf_alone),
        TEST(chunks_are_put_together),
        TEST(many_small_chunks_make_one_body),
        TEST(a_body_may_end_with_the_connection),
        TEST(some_statuses_have_no_body),
        TEST(interim_answers_are_passed_over),
        TEST(interim_answers_may_be_many),
        TEST(another_protocol_is_useless),
        TEST(a_connection_is_kept_unless_the_server_says_otherwise),
        TEST(what_follows_an_answer_ends_the_connection),
        TEST(the_first_content_type_counts),
        TEST(a_status_line_that_is_none_is_useless),
        TEST(a_field_line_that_is_none_is_useless),
        TEST(a_length_that_is_none_is_useless),
        TEST(a_transfer_coding_other_than_chunked_is_useless),
        TEST(chunks_that_are_none_are_useless),
        TEST(a_nul_ends_no_status_line),
        TEST(a_nul_ends_no_field),
        TEST(a_nul_ends_no_head),
        TEST(a_nul_ends_no_chunk_size),
        TEST(a_nul_ends_no_chunk),
        TEST(a_nul_ends_no_trailer),
        TEST(a_bare_cr_hides_no_close),
        TEST(a_bare_cr_hides_no_field),
        TEST(a_bare_cr_ends_nothing),
        TEST(nothing_at_all_is_cut_off),
        TEST(the_next_answer_owes_nothing_to_the_last),
    };
    return cmocka_run_group_tests_name("adapter_answer", tests, NULL, NULL);
}
