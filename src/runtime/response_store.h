/* response_store.h - stored responses and conversations, off the loops: one thread of their own writes and reads them,
 * in the order of asking, so that what was answered is found by whoever asks next. The file is opened when the first is
 * asked for. Functions: any thread, but for open, finish and free. */
#ifndef WEIR_RUNTIME_RESPONSE_STORE_H
#define WEIR_RUNTIME_RESPONSE_STORE_H

#include "net/loop.h"
#include "dialect/turn.h"
#include "observe/log.h"
#include "store/conversation_db.h"

struct response_store;

struct response_store_options {
    struct str state_dir;
    int64_t keep_days; /* older ones are forgotten, looked for once an hour; 0: never */
    struct response_limits limits;
    struct log *log; /* NULL: nothing is logged */
};

/* NULL: no memory or thread. */
struct response_store *response_store_open(const struct response_store_options *options);
/* Does what was asked for, answers it, and takes nothing any more; while the loops still run. Once. */
void response_store_finish(struct response_store *responses);
/* After response_store_finish, when nobody can ask any more. NULL is fine. */
void response_store_free(struct response_store *responses);

/* Copied. What cannot be written (a full disk, too much at once, more than may be stored) is logged, as its caller has
 * its answer already. */
void response_store_keep(struct response_store *responses, const struct stored_response *response, int64_t now_s);

/* What one turn was, as it was heard. */
struct turn_heard {
    struct str client, session, request_id; /* session: empty: none was named */
    struct turn_said said;
};
/* The same with a turn of a conversation; it is read on the thread. */
void response_store_hear(struct response_store *responses, const struct turn_heard *turn, int64_t now_s);

enum response_wish {
    response_wish_get,
    response_wish_input,
    response_wish_history,
    response_wish_remove,
    response_wish_conversations, /* conversation_db.h: a list, behind `id`; `most`: how many */
    response_wish_conversation,  /* one, its turns behind `after` */
    response_wish_lines,         /* turns behind `after`, of `id` or all, as lines; `after` becomes the last one */
    response_wish_forget,        /* one conversation, or all with an empty `id`; `after` becomes how many turns */
};

/* Lives until `done` has run on its loop; whoever asked frees it then. When the loop has ended it is not told. */
struct response_question {
    enum response_wish wish;
    struct loop *loop;
    void (*done)(struct response_question *question);
    void *context;
    char client[256], id[256];
    size_t most;           /* response_wish_history, and of conversations: bytes */
    int64_t after;         /* of conversations */
    enum stored found;     /* the answer */
    struct budget *budget; /* its text is counted there; NULL: nowhere */
    struct arena arena;    /* holds its text; freed by response_store_question_free */
    struct str text;       /* JSON */
    char problem[160];     /* stored_failed */
};
/* false: too many wait, of all or of this client, or there is no storage; `done` does not come. */
bool response_store_ask(struct response_store *responses, struct response_question *question);
void response_store_question_free(struct response_question *question);

#endif
