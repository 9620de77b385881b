/* stream_tls.c - TLS over a stream: ciphertext of the socket through a tls_session, plaintext to the handler. The
 * loop's read buffer holds the ciphertext, so plaintext goes through a buffer of its own, one a call. */
#include "base/check.h"
#include "base/limits.h"
#include "net/stream_internal.h"

enum { record_size = 16 * 1024 + 512 };

static void cipher_send(struct stream *stream) {
    char cipher[record_size];
    size_t len;
    while ((len = tls_take_cipher(stream->tls, cipher, sizeof cipher)) > 0) {
        CHECKF(len <= sizeof cipher, "len=%zu", len);
        struct str range = str_make(cipher, len);
        stream_send(stream, &range, 1);
    }
}

static void tls_fail(struct stream *stream) { stream_fail(stream, stream_failure_tls, 0); }

void stream_tls_step(struct stream *stream) {
    CHECK(stream->tls);
    if (!stream->handshaking) {
        cipher_send(stream);
        return;
    }
    enum tls_result result = tls_handshake(stream->tls);
    cipher_send(stream);
    if (result == tls_failed || result == tls_closed) {
        tls_fail(stream);
    } else if (result == tls_ok) {
        stream->handshaking = false;
        stream->handler->connected(stream->owner);
    }
}

static bool goes_on(const struct stream *stream) { return !stream->closing && stream->failure == stream_failure_none; }

/* All that can be made of what has come. */
static void plain_take(struct stream *stream) {
    char plain[record_size];
    size_t len;
    if (stream->handshaking) stream_tls_step(stream);
    while (!stream->handshaking && goes_on(stream)) {
        enum tls_result result = tls_take_plain(stream->tls, plain, sizeof plain, &len);
        if (result == tls_ok) {
            CHECKF(len > 0 && len <= sizeof plain, "len=%zu", len);
            stream->handler->bytes(stream->owner, str_make(plain, len));
            continue;
        }
        if (result == tls_failed) tls_fail(stream);
        if (result == tls_closed && !stream->ended) {
            stream->ended = true;
            stream_read_stop(stream);
            stream->handler->ended(stream->owner);
        }
        break;
    }
}

/* In small parts: what OpenSSL is given at once it keeps room for, as long as the connection lives. */
void stream_tls_bytes(struct stream *stream, struct str cipher) {
    enum { part = 8 * 1024 };
    while (cipher.len && goes_on(stream) && !stream->ended) {
        if (!tls_put_cipher(stream->tls, str_slice(cipher, 0, part))) {
            stream_fail(stream, stream_failure_system, UV_ENOMEM);
            return;
        }
        plain_take(stream);
        cipher = str_slice(cipher, part, cipher.len);
    }
    if (goes_on(stream)) cipher_send(stream); /* session tickets, key updates */
}

/* A record at a time: what is encrypted and not yet sent would be held by OpenSSL, for as long as the connection is. */
static void long_write(struct stream *stream, struct str plain) {
    enum { record_plain = 16 * 1024 };
    while (plain.len && stream->failure == stream_failure_none) {
        if (!tls_put_plain(stream->tls, str_slice(plain, 0, record_plain))) tls_fail(stream);
        cipher_send(stream);
        plain = str_slice(plain, record_plain, plain.len);
    }
}

void stream_tls_write(struct stream *stream, const struct str *ranges, size_t count) {
    char gathered[8 * 1024]; /* a head and a small body leave as one record */
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        bool fits = ranges[i].len <= sizeof gathered - len;
        if (!fits && len) {
            if (!tls_put_plain(stream->tls, str_make(gathered, len))) tls_fail(stream);
            len = 0;
            fits = ranges[i].len <= sizeof gathered;
        }
        if (fits) {
            CHECKF(len + ranges[i].len <= sizeof gathered, "len=%zu more=%zu", len, ranges[i].len);
            for (size_t b = 0; b < ranges[i].len; b++) gathered[len + b] = ranges[i].at[b];
            len += ranges[i].len;
        } else {
            CHECKF(len == 0, "len=%zu", len); /* what stands before it has gone before it */
            long_write(stream, ranges[i]);
        }
    }
    if (len && !tls_put_plain(stream->tls, str_make(gathered, len))) tls_fail(stream);
    cipher_send(stream);
}
