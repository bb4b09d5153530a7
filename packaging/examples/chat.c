/* A chat between two programs: one listens and prints its path, the other connects to that path.
 *
 *   chat listen  [-t TEXT]... [-f FILE]... [-d DIRECTORY] [-n MESSAGES]
 *   chat connect PATH [-t TEXT]... [-f FILE]... [-d DIRECTORY] [-n MESSAGES]
 *
 * Sends each TEXT and FILE, asks to have it confirmed, and saves files that come in DIRECTORY. Who
 * connected ends the session once everything is confirmed and MESSAGES messages have come.
 *
 *   cc chat.c -I.. -L../../target/release -ltagus -o chat
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tagus_msrp.h"

enum { MOST = 64 };

static TagusMsrpPeer peer;
static TagusMsrpSession session;
static const char *directory = ".";
static int saved, arrived, confirmed;

static void check(TagusMsrpCode code, const char *what)
{
    if (code == TAGUS_MSRP_CODE_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, tagus_msrp_last_error());
    exit(1);
}

static void send_all(char **texts, int text_count, char **files, int file_count)
{
    const TagusMsrpHow line = {.report = 1, .priority = 1};
    for (int i = 0; i < text_count; i++)
        check(tagus_msrp_send_text(peer, session, texts[i], &line, NULL), texts[i]);
    for (int i = 0; i < file_count; i++) {
        char disposition[300];
        const char *slash = strrchr(files[i], '/');
        snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"",
                 slash ? slash + 1 : files[i]);
        const TagusMsrpHow file = {
            .report = 1, .priority = 2, .progress_percent = 25, .disposition = disposition};
        check(tagus_msrp_send_file(peer, session, "application/octet-stream", files[i], NULL, &file,
                                   NULL),
              files[i]);
    }
}

/* What a peer calls its file is no name to write to: ours are counted. */
static void save(const TagusMsrpEvent *event)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/received-%d", directory, ++saved);
    printf("file: %s of %" PRIu64 " bytes\n", path, tagus_msrp_event_total(event));
    check(tagus_msrp_accept_file(peer, tagus_msrp_event_message(event), path), path);
}

/* A short message comes whole, whatever its type is. */
static void show(const TagusMsrpEvent *event)
{
    const char *type = tagus_msrp_event_content_type(event);
    size_t length = tagus_msrp_event_data_length(event);
    arrived++;
    if (type && strncmp(type, "text/", 5) == 0) {
        printf("text: ");
        fwrite(tagus_msrp_event_data(event), 1, length, stdout);
        printf("\n");
        return;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/received-%d", directory, ++saved);
    FILE *file = fopen(path, "wbx");
    if (!file || fwrite(tagus_msrp_event_data(event), 1, length, file) != length || fclose(file))
        perror(path);
    printf("saved: %s\n", path);
}

int main(int argc, char **argv)
{
    char *texts[MOST], *files[MOST];
    int text_count = 0, file_count = 0, wanted = 0;
    int connects = argc > 2 && strcmp(argv[1], "connect") == 0;
    if (!connects && (argc < 2 || strcmp(argv[1], "listen") != 0)) {
        fprintf(stderr, "chat listen|connect PATH [-t TEXT] [-f FILE] [-d DIRECTORY] [-n MESSAGES]\n");
        return 2;
    }
    for (int i = connects ? 3 : 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "-t") == 0 && text_count < MOST)
            texts[text_count++] = argv[i + 1];
        else if (strcmp(argv[i], "-f") == 0 && file_count < MOST)
            files[file_count++] = argv[i + 1];
        else if (strcmp(argv[i], "-d") == 0)
            directory = argv[i + 1];
        else if (strcmp(argv[i], "-n") == 0)
            wanted = atoi(argv[i + 1]);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);

    check(tagus_msrp_peer_new("127.0.0.1", NULL, NULL, NULL, &peer), "peer");
    if (!connects)
        check(tagus_msrp_listen(peer, "127.0.0.1:0", 0, NULL), "listen");
    check(tagus_msrp_offer(peer, 0, &session), "offer");

    for (int closing = 0;;) {
        TagusMsrpEvent *event;
        check(tagus_msrp_next_event(peer, -1, &event), "event");
        switch (tagus_msrp_event_kind(event)) {
        case TAGUS_MSRP_KIND_OFFERED:
            /* SIP carries the paths to and fro; here it is a person, or a test. */
            if (connects) {
                check(tagus_msrp_connect(peer, session, argv[2], NULL), "connect");
            } else {
                check(tagus_msrp_wait(peer, session, NULL, NULL), "wait");
                printf("path: %s\n", tagus_msrp_event_text(event));
            }
            break;
        case TAGUS_MSRP_KIND_OPENED:
            send_all(texts, text_count, files, file_count);
            break;
        case TAGUS_MSRP_KIND_MESSAGE:
            show(event);
            break;
        case TAGUS_MSRP_KIND_INCOMING:
            save(event);
            break;
        case TAGUS_MSRP_KIND_RECEIVED:
            arrived++;
            printf("saved: %" PRIu64 " bytes\n", tagus_msrp_event_total(event));
            break;
        case TAGUS_MSRP_KIND_PROGRESS:
            printf("progress: %" PRIu64 " of %" PRIu64 "\n", tagus_msrp_event_bytes(event),
                   tagus_msrp_event_total(event));
            break;
        case TAGUS_MSRP_KIND_REPORTED:
            if (tagus_msrp_event_whole(event)) {
                confirmed++;
                printf("confirmed: %" PRIu64 " bytes\n", tagus_msrp_event_bytes(event));
            }
            break;
        case TAGUS_MSRP_KIND_NOT_OPENED:
        case TAGUS_MSRP_KIND_NOT_SENT:
        case TAGUS_MSRP_KIND_NOT_RECEIVED:
            fprintf(stderr, "failed: %s\n", tagus_msrp_event_text(event));
            return 1;
        case TAGUS_MSRP_KIND_CLOSED:
            tagus_msrp_event_free(event);
            check(tagus_msrp_peer_free(peer), "free");
            printf("closed\n");
            return connects || (arrived >= wanted && confirmed == text_count + file_count) ? 0 : 1;
        default:
            break;
        }
        tagus_msrp_event_free(event);
        if (connects && !closing && arrived >= wanted && confirmed == text_count + file_count) {
            closing = 1;
            check(tagus_msrp_close(peer, session), "close");
        }
    }
}
