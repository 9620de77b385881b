/* http.c - names of methods and phrases of statuses. */
#include "net/http.h"

#include "base/check.h"

struct str http_method_name(enum http_method method) {
    static const char *const names[http_methods] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    CHECKF((unsigned)method < http_methods, "method=%d", (int)method);
    return str_from(names[method]);
}

struct str http_reason(int status) {
    static const struct {
        int status;
        struct str reason;
    } reasons[] = {
        {200, {"OK", 2}},
        {201, {"Created", 7}},
        {202, {"Accepted", 8}},
        {204, {"No Content", 10}},
        {303, {"See Other", 9}},
        {304, {"Not Modified", 12}},
        {400, {"Bad Request", 11}},
        {401, {"Unauthorized", 12}},
        {403, {"Forbidden", 9}},
        {404, {"Not Found", 9}},
        {405, {"Method Not Allowed", 18}},
        {408, {"Request Timeout", 15}},
        {409, {"Conflict", 8}},
        {411, {"Length Required", 15}},
        {413, {"Content Too Large", 17}},
        {414, {"URI Too Long", 12}},
        {415, {"Unsupported Media Type", 22}},
        {417, {"Expectation Failed", 18}},
        {422, {"Unprocessable Content", 21}},
        {429, {"Too Many Requests", 17}},
        {431, {"Request Header Fields Too Large", 31}},
        {500, {"Internal Server Error", 21}},
        {501, {"Not Implemented", 15}},
        {502, {"Bad Gateway", 11}},
        {503, {"Service Unavailable", 19}},
        {504, {"Gateway Timeout", 15}},
        {505, {"HTTP Version Not Supported", 26}},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status) return reasons[i].reason;
    return STR("Status");
}
