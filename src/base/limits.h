/* limits.h - the bound of everything that grows and that no configuration key sets. */
#ifndef WEIR_BASE_LIMITS_H
#define WEIR_BASE_LIMITS_H

enum {
    limit_header_bytes = 64 * 1024, /* a request's or reply's whole head; past it 431, or a failed attempt */
    limit_headers = 128,            /* header lines of a head */
    limit_target_bytes = 8 * 1024,  /* a request target; past it 414 */
    limit_json_depth = 256,
    limit_pipelined_bytes = 16 * 1024,        /* read ahead while a request is in flight */
    limit_read_buffer = 64 * 1024,            /* one per loop */
    limit_write_high = 128 * 1024,            /* unsent bytes at which the other side is no longer read */
    limit_write_low = 32 * 1024,              /* and at which it is read again */
    limit_held_reply = 256 * 1024,            /* a whole reply up to this is held before its head is sent */
    limit_held_translated = 16 * 1024 * 1024, /* a whole reply of another dialect */
    limit_held_stored = 16 * 1024 * 1024,     /* one that is to be stored; a longer one is not */
    limit_held_stream = 64 * 1024,            /* a stream's bytes before its first good token */
    limit_sse_event = 1024 * 1024,            /* one event of a stream */
    limit_calls = 8,                          /* answers to one request that are made by a call each */
    limit_retries = 31,                       /* of one request, at targets that it has tried */
    limit_pins = 64,                          /* targets in x-weir-targets; past it 400 */
    limit_iov = 16,
    limit_pool_line = 1024, /* calls that wait for a connection to one provider, per loop; further ones go on at once */
    limit_request_id = 64,
    limit_response_id = 128,
    limit_name = 64,    /* a provider's, client's or route's name */
    limit_caller = 255, /* a client's name, or a token's issuer, `#` and subject */
    limit_model = 256,  /* a model's name, aliases included */
    limit_providers = 256,
    limit_targets = 4096,
    limit_route_levels = 8,           /* routes below a route, one below the other */
    limit_nested_targets = 64 * 4096, /* of a configuration's routes, through other routes */
    limit_session = 256,              /* of the name that a caller gives one; the rest is not looked at */
    limit_owner_path = 255,           /* the names of those who own a client, one behind the other */
    limit_owners = 8,                 /* above a client, one above the other */
    limit_path = 32,                  /* budgets and limits that one request may have to pass */
    limit_loops = 64,
    limit_deployments = 64, /* configurations alive at once: the newest, and those that requests in flight began with */
};

/* Macros, as sentences of the configuration's reference say them, too. */
#define limit_pool_idle_s 55 /* a connection that has nothing to do is kept so long */
#define LIMIT_TEXT(limit) LIMIT_TEXT_OF(limit)
#define LIMIT_TEXT_OF(limit) #limit

#endif
