#include "commands.h"

const struct command *const commands[] = {
    &command_cert_publish,
    &command_cert_show,
    &command_register,
    &command_letters,
    &command_record,
    &command_watch,
    &command_report,
    &command_verify,
    &command_creditors,
    &command_waiting,
    &command_collect,
    &command_answer,
    &command_report_creditor,
    &command_agreement_draft,
    &command_agreement_sign,
    &command_agreement_show,
    &command_receipts,
    &command_verify_receipt,
    &command_show,
};

const size_t command_count = sizeof commands / sizeof commands[0];
