/* weir.h - weir as a library: one reliable endpoint in front of every AI provider, inside your own process.
 *
 * Everything the gateway does for a request this library does without HTTP: it chooses a provider, sends, streams,
 * fails over and reports. The gateway itself (`weir serve`) stands on it.
 *
 * Threads: every function may be called from any thread, weir_close once and last. The library starts threads of its
 * own, with all signals blocked; it installs no signal handler, never forks, never prints and never exits.
 *
 * Ownership: texts that come back as `char *` are yours: give them back with weir_free. What you pass in is copied
 * before the call returns, unless a comment says otherwise. */
#ifndef WEIR_H
#define WEIR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_API __attribute__((visibility("default")))

struct weir;
struct weir_call;

/* Why a call failed. `code` is one of the stable names of the reference ("invalid_request", "model_not_found",
 * "upstream_unreachable", "bad_configuration", ...); `message` says what to do. Both are always NUL-ended. */
struct weir_error {
    char code[32];
    int status; /* the HTTP status a gateway would answer */
    char message[1024];
};

/* Set `size` to sizeof(struct weir_options); everything else may be zero. */
struct weir_options {
    size_t size;
    const char *config_path; /* YAML; NULL: config_text, or the environment alone */
    const char *config_text; /* YAML in memory; NULL: none. `file:` references are relative to the working directory */
    unsigned workers;        /* event loops; 0: as configured, by default min(cores, 4) */
    /* Called with each log line, without its end; on a thread of weir's own, one at a time. NULL: nothing is logged. */
    void (*log)(void *user, const char *line, size_t len);
    void *user;
};

/* Opens from a file, a text or the environment. NULL: *error says why, every problem of the configuration on a line of
 * its own as FILE:LINE:COLUMN: message. `error` may be NULL. */
WEIR_API struct weir *weir_open(const struct weir_options *options, struct weir_error *error);

/* Takes no new calls, waits up to drain_ms for those in flight, breaks off the rest, and frees everything. NULL is
 * fine. */
WEIR_API void weir_close(struct weir *weir, unsigned drain_ms);

/* Reads the configuration again from where it came. 0: done, and calls in flight finish on the old one; -1: nothing
 * changed and *error says why. */
WEIR_API int weir_reload(struct weir *weir, struct weir_error *error);

/* One request, in the OpenAI API's own JSON. */
struct weir_request {
    size_t size;      /* sizeof(struct weir_request) */
    const char *path; /* "/v1/chat/completions", ...; NULL: chat completions */
    const char *body; /* JSON (multipart for the paths that take it, with content_type set) */
    size_t body_len;
    const char *content_type; /* NULL: application/json */
    unsigned timeout_ms;      /* 0: as configured; only shortens */
    const char *request_id;   /* 1 to 64 of A-Za-z0-9._-; NULL: made by weir */
};

/* What came back. Freed by weir_reply_free. */
struct weir_reply {
    int status; /* 200, or an error's */
    char *body; /* the reply, or an error object of the OpenAI shape; NUL-ended beyond body_len */
    size_t body_len;
    char request_id[65];
    char provider[65], model[257]; /* who answered; empty when nobody did */
    unsigned attempts;
};

/* Sends and waits. 0: *reply holds an answer of status 2xx. -1: it failed; *error says why and *reply holds the error
 * object, so that both styles of caller are served. `error` may be NULL. Not to be called from a callback of this
 * library. */
WEIR_API int weir_call(struct weir *weir, const struct weir_request *request, struct weir_reply *reply,
                       struct weir_error *error);
WEIR_API void weir_reply_free(struct weir_reply *reply);

/* Callbacks of an asynchronous call, all on one thread of weir's own, never after `done`. They must not block: the loop
 * that serves other calls waits for them. */
struct weir_callbacks {
    /* The answer begins: status and content type. Bytes of a stream follow as server-sent events, complete ones. */
    void (*head)(void *user, int status, const char *content_type, const char *provider, const char *model);
    void (*bytes)(void *user, const char *bytes, size_t len); /* borrowed during the call */
    /* The end. error is NULL when the answer is complete; else it broke, was cancelled, or had a status of 300 and more
     * (its body then came through `bytes`). */
    void (*done)(void *user, const struct weir_error *error);
};

/* Starts a call. The handle stays valid until weir_call_free, which may be called at any time, in `done` too; before
 * the end it cancels. NULL: *error says why, and no callback comes. */
WEIR_API struct weir_call *weir_start(struct weir *weir, const struct weir_request *request,
                                      const struct weir_callbacks *callbacks, void *user, struct weir_error *error);
/* Breaks the call off: `done` comes with "cancelled" unless the answer was complete. */
WEIR_API void weir_cancel(struct weir_call *call);
WEIR_API void weir_call_free(struct weir_call *call);

/* What a call came to; to be asked after `done`. Tokens and money below 0: not known. Money in nano-dollars, all
 * attempts together. */
struct weir_call_facts {
    size_t size; /* sizeof(struct weir_call_facts), set by the caller */
    unsigned attempts;
    int64_t input_tokens, output_tokens, cost_nano_usd;
    char request_id[65];
    int fallback; /* 1: nobody could serve it, and the answer is its route's fallback_response */
};
WEIR_API void weir_call_facts(const struct weir_call *call, struct weir_call_facts *facts);

/* -- batches: the OpenAI batch file format, one request a line -- */

/* How far a batch is. Lines that failed are done too: each has its line in the output. */
struct weir_batch_progress {
    size_t size;
    uint64_t total, done, failed, skipped;              /* skipped: finished in an earlier run */
    int64_t input_tokens, output_tokens, cost_nano_usd; /* of this run */
    unsigned parallel;                                  /* requests at once, as things are */
    double seconds;                                     /* since this run began */
};

struct weir_batch_options {
    size_t size;         /* sizeof(struct weir_batch_options) */
    const char *in_path; /* {"custom_id","method":"POST","url":"/v1/chat/completions","body":{...}} a line */
    const char
        *out_path;     /* made when all is done: {"id","custom_id","response","error"} a line, in the input's order */
    unsigned parallel; /* requests at once, at most; 0: the configuration's batch_size, 32 by default */
    unsigned tries;    /* of one line, where a failure may pass; 0: 5 */
    /* Called about ten times a second, on the thread that runs the batch. true: stop; what runs is waited for. May be
     * NULL. */
    int (*progress)(void *user, const struct weir_batch_progress *progress);
    void *user;
};

/* Runs a batch file to its end; blocks. What is finished is kept in OUT_PATH.partial at once, so that a run that was
 * stopped or killed is taken up by calling this again: no finished line is sent twice. 0: every line has its line in
 * OUT_PATH (look at progress->failed); -1: *error says why, and the partial file stays. `progress` may be NULL. */
WEIR_API int weir_batch(struct weir *weir, const struct weir_batch_options *options,
                        struct weir_batch_progress *progress, struct weir_error *error);

/* What would be chosen for a model now, and why, without sending anything: JSON. NULL: *error (an unknown model, say).
 */
WEIR_API char *weir_route(struct weir *weir, const char *model, struct weir_error *error);
/* The same for a whole request: its images, tools, length and stream count, and what the client of that name may use
 * (NULL: everything). `timeout_ms` and `request_id` are not looked at. */
WEIR_API char *weir_route_request(struct weir *weir, const struct weir_request *request, const char *client,
                                  struct weir_error *error);
/* Providers, targets and counters as JSON. NULL: out of memory. */
WEIR_API char *weir_status(struct weir *weir);
/* Prometheus text. NULL: out of memory. */
WEIR_API char *weir_metrics(struct weir *weir);
/* The models and routes as the OpenAI API lists them: JSON. NULL: out of memory. */
WEIR_API char *weir_models(struct weir *weir);
/* How providers were: probes, changes and samples, the oldest first; as JSON, {"records":[...]}. Of one provider, or of
 * one route's lock (NULL: of all); from since_ms on and before until_ms (milliseconds since 1970, 0: no bound); the
 * newest `most` (0: 1000) of them. Asks the ledger, so it may take as long as the disk does; without a state folder of
 * its own, what this process has seen. weir_free. NULL: *error. */
WEIR_API char *weir_health_history(struct weir *weir, const char *name, int64_t since_ms, int64_t until_ms,
                                   unsigned most, struct weir_error *error);
/* Every decision taken for one recent request: JSON. NULL: *error (not in the ring any more). */
WEIR_API char *weir_explain(struct weir *weir, const char *request_id, struct weir_error *error);

/* -- providers at run time -- */

/* What is changed here is kept in STATE_DIR/runtime.yaml, wins over the configuration, and is there again at the next
 * start and after a reload. Every change is whole or not at all: 0, it is on the disk and in force; -1, nothing changed
 * and *error says why ("invalid_request" names the key, "unknown_provider", "name_exists", "storage_failed", ...).
 * Changes and reloads come one after the other, whichever thread asks; each may take as long as the disk does. Requests
 * in flight end on what they began with.
 *
 * Settings are a JSON object with the configuration's own keys, {"type":"groq","api_key":"..."}. References (${NAME},
 * file:PATH, vault:NAME) are refused: give the value itself. A base URL that leads to another server, and another
 * proxy, ca_file or insecure, leave the credentials behind: give them again with it. Credentials that are given here
 * stand in the vault (STATE_DIR/vault, opened by STATE_DIR/master.key, WEIR_MASTER_KEY or WEIR_MASTER_PASSPHRASE), and
 * runtime.yaml names its entries. */

/* A provider that is not there yet. */
WEIR_API int weir_provider_add(struct weir *weir, const char *name, const char *json_settings,
                               struct weir_error *error);
/* Changes what is given and leaves the rest; null takes a change back to what the configuration says. */
WEIR_API int weir_provider_update(struct weir *weir, const char *name, const char *json_settings,
                                  struct weir_error *error);
/* Gone for new requests, also when the configuration names it. */
WEIR_API int weir_provider_remove(struct weir *weir, const char *name, struct weir_error *error);
/* No new attempts go to it; those under way end. */
WEIR_API int weir_provider_drain(struct weir *weir, const char *name, struct weir_error *error);
/* As drain, and it is known to be away: its failures are nobody's surprise. */
WEIR_API int weir_provider_maintenance(struct weir *weir, const char *name, struct weir_error *error);
/* Takes attempts again. */
WEIR_API int weir_provider_resume(struct weir *weir, const char *name, struct weir_error *error);
/* Asks it now whether it is well, as the gateway does from time to time; blocks. What came of it as JSON: {"provider",
 * "good","status","took_us","said"}. NULL: *error ("unknown_provider", ...). Not from a callback of this library. */
WEIR_API char *weir_provider_probe(struct weir *weir, const char *name, struct weir_error *error);
/* Drops every change made to it at run time: the configuration counts again, and one that was added is gone. */
WEIR_API int weir_provider_reset(struct weir *weir, const char *name, struct weir_error *error);
/* All providers with their state and their models (context, abilities, prices): JSON, {"providers":[...]}. Credentials
 * are shown as "set". NULL: out of memory. */
WEIR_API char *weir_providers(struct weir *weir);

/* -- credentials in the vault -- */

/* What a configuration names as vault:PROVIDER or vault:PROVIDER/NAME. Each call is on the disk, encrypted, and in
 * force for the next request when it returns; -1: nothing has changed, and *error says why. They block as providers'
 * changes do. A secret is copied, and wiped when it is not needed any more; the caller's own copy is the caller's
 * matter. */

/* A new one, or another one in its place. The provider is one of the configuration's: the secret goes where that leads,
 * and nowhere else. rotate_after_days: when the next one that waits takes its place, or its age is
 * warned of; 0: it is warned of after 90. */
WEIR_API int weir_key_set(struct weir *weir, const char *name, const char *secret, unsigned rotate_after_days,
                          struct weir_error *error);
/* One more that waits: the entry rotates to it by itself when it is as old as its rotate_after_days, with a day's
 * grace. The first that was given comes first. */
WEIR_API int weir_key_next(struct weir *weir, const char *name, const char *secret, struct weir_error *error);
/* The next one: the one before stays valid beside it for so many seconds, for when this one is refused. A provider's
 * name alone means its only entry, here and below. */
WEIR_API int weir_key_rotate(struct weir *weir, const char *name, const char *secret, unsigned grace_seconds,
                             struct weir_error *error);
/* -1 where the configuration still names it. */
WEIR_API int weir_key_remove(struct weir *weir, const char *name, struct weir_error *error);
/* Asks the provider with it, now; as weir_provider_probe, with a member "credential". NULL: *error
 * ("unknown_credential": no provider in force is sent it). */
WEIR_API char *weir_key_validate(struct weir *weir, const char *name, struct weir_error *error);
/* Another master key: of this passphrase, or NULL: a new STATE_DIR/master.key. */
WEIR_API int weir_key_rekey(struct weir *weir, const char *passphrase, struct weir_error *error);
/* All of them, with their last four characters, age and uses: JSON, {"master_key","credentials":[...]}. NULL: *error.
 */
WEIR_API char *weir_keys(struct weir *weir, struct weir_error *error);

/* -- clients -- */

/* Made or changed at run time, where the state folder is this weir's own (weir serve; else "unsupported"). Each call is
 * on the disk and in force for the next request when it returns; a failure has changed nothing, and *error says why.
 * They block as providers' changes do. Settings are JSON: the keys of `clients[]` but name and key_hash. */

/* A new one. JSON with its "key", which nobody can read again: weir_free. NULL: *error ("name_exists": also of one that
 * was revoked). json_settings NULL: none. */
WEIR_API char *weir_client_add(struct weir *weir, const char *name, const char *json_settings,
                               struct weir_error *error);
/* Its next key, as weir_client_add: the one before stays valid beside it for so many seconds. */
WEIR_API char *weir_client_rotate(struct weir *weir, const char *name, unsigned grace_seconds,
                                  struct weir_error *error);
/* Settings over those that it has; null takes one out. Of one of the configuration file over the file's. 0, or -1. */
WEIR_API int weir_client_change(struct weir *weir, const char *name, const char *json_settings,
                                struct weir_error *error);
WEIR_API int weir_client_disable(struct weir *weir, const char *name, struct weir_error *error);
WEIR_API int weir_client_enable(struct weir *weir, const char *name, struct weir_error *error);
/* For good; of one of the configuration file as weir_client_disable. */
WEIR_API int weir_client_revoke(struct weir *weir, const char *name, struct weir_error *error);
/* One of the configuration file is as that says again. */
WEIR_API int weir_client_reset(struct weir *weir, const char *name, struct weir_error *error);
/* One, with what it has left; up to `most` (0: 1,000) behind the one named `after` (NULL: from the first). JSON:
 * weir_free. NULL: *error. */
WEIR_API char *weir_client(struct weir *weir, const char *name, struct weir_error *error);
WEIR_API char *weir_clients(struct weir *weir, const char *after, unsigned most, struct weir_error *error);

/* All that is kept of one client, or of an owner's clients (the other is NULL), is taken from its name, for good;
 * amounts and times stay, what this process remembers goes too. JSON that tells how much: weir_free. NULL: *error; it
 * may be called again. Where the state folder is this weir's own; a row of the audit comes first. Blocks, for long
 * where there is much. */
WEIR_API char *weir_purge(struct weir *weir, const char *client, const char *owner, struct weir_error *error);
/* The same, told: JSON, a line each, one or more of them at a time, borrowed during the call; anything but 0 ends it.
 * 0, or -1. */
WEIR_API int weir_export(struct weir *weir, const char *client, const char *owner,
                         int (*line)(void *context, const char *lines, size_t len), void *context,
                         struct weir_error *error);

/* -- entries of the configuration -- */

/* Routes, rules, owners, templates and budgets, changed at run time, where the state folder is this weir's own (weir
 * serve; else "unsupported"). `kind` is "routes", "rules", "owners", "templates" or "budgets"; a route's name is its
 * `model`. Settings are JSON: the entry's keys in the configuration. Each call is on the disk and in force for the next
 * request when it returns; a failure has changed nothing, and *error says why in the configuration's own words. 0, or
 * -1. They block as providers' changes do. */

/* "name_exists": there is one. */
WEIR_API int weir_entry_add(struct weir *weir, const char *kind, const char *name, const char *json_settings,
                            struct weir_error *error);
/* A merge patch (RFC 7396) of what was changed: keys over those that it has; null takes one out of what was changed. */
WEIR_API int weir_entry_change(struct weir *weir, const char *kind, const char *name, const char *json_settings,
                               struct weir_error *error);
/* One of the configuration file stays away, over reloads and restarts, until weir_entry_reset. */
WEIR_API int weir_entry_remove(struct weir *weir, const char *kind, const char *name, struct weir_error *error);
/* One of the configuration file is as that says again. */
WEIR_API int weir_entry_reset(struct weir *weir, const char *kind, const char *name, struct weir_error *error);
/* All of a kind, and what of each was changed: JSON, weir_free. NULL: *error. */
WEIR_API char *weir_entries(struct weir *weir, const char *kind, struct weir_error *error);

WEIR_API void weir_free(void *text);
/* "0.1.0" */
WEIR_API const char *weir_version(void);

#ifdef __cplusplus
}
#endif
#endif
