/* The table of commands; each row stands at the end of its own file. */
#ifndef SKP_COMMANDS_H
#define SKP_COMMANDS_H

#include "cli.h"

extern const struct command command_cert_publish, command_cert_show;
extern const struct command command_register, command_letters, command_record, command_watch;
extern const struct command command_report, command_verify, command_creditors;
extern const struct command command_waiting, command_collect, command_answer;
extern const struct command command_report_creditor;
extern const struct command command_agreement_draft, command_agreement_sign, command_agreement_show;
extern const struct command command_receipts, command_verify_receipt, command_show;

extern const struct command *const commands[];
extern const size_t command_count;

#endif
