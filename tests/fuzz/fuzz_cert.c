/* Certificates and the names in them, as strangers would send them.
 *
 * The first byte chooses: a whole certificate in DER, a subject in DER put into a good certificate, or a
 * subject built of types and texts. Whoever gets an OIN out of one has exactly one serialNumber, of the
 * right form; no certificate that the input brings is ever trusted. */
#include "fuzz.h"
#include "tiny_ca.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

/* How often the subject names a serialNumber, and what the last one says; by walking the entries. */
static size_t count_serials(const X509 *cert, const ASN1_STRING **ret_value)
{
    size_t count = 0;
    const X509_NAME *subject = X509_get_subject_name(cert);
    for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        char oid[80] = "";
        (void)OBJ_obj2txt(oid, sizeof oid, X509_NAME_ENTRY_get_object(entry), 1);
        if (strcmp(oid, "2.5.4.5") != 0)
            continue;
        count++;
        *ret_value = X509_NAME_ENTRY_get_data(entry);
    }
    return count;
}

static void check_oin(const X509 *cert)
{
    const char *allowed = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const ASN1_STRING *value = NULL;
    struct skp_oin oin;
    size_t count = count_serials(cert, &value);
    if (cert_oin(cert, &oin)) {
        EXPECT(count != 1 || ASN1_STRING_type(value) != V_ASN1_PRINTABLESTRING ||
               ASN1_STRING_length(value) != OIN_CHARS ||
               strspn((const char *)ASN1_STRING_get0_data(value), allowed) < OIN_CHARS);
        return;
    }
    EXPECT(count == 1 && strlen(oin.text) == OIN_CHARS && strspn(oin.text, allowed) == OIN_CHARS);
    EXPECT(ASN1_STRING_type(value) == V_ASN1_PRINTABLESTRING);
    EXPECT(ASN1_STRING_length(value) == OIN_CHARS &&
           memcmp(ASN1_STRING_get0_data(value), oin.text, OIN_CHARS) == 0);
}

static void check_cert(struct trust *trust, X509 *cert)
{
    const char *why = NULL;
    check_oin(cert);
    (void)cert_is_self_issued(cert);
    (void)trust_lists_revoked(trust, cert);
    for (int purpose = CERT_TLS_CLIENT; purpose <= CERT_ENCRYPTION; purpose++) {
        const char *use = NULL;
        enum skp_err err = trust_check_use(cert, (enum cert_purpose)purpose, &use);
        EXPECT((err == SKP_OK) == (use == NULL));
        EXPECT(trust_check(trust, cert, NULL, (enum cert_purpose)purpose, TINY_NOW_MS, &why) !=
               SKP_OK);
        EXPECT(why != NULL);
    }
    EXPECT(ERR_peek_error() == 0);
}

static void feed_whole(struct trust *trust, struct span der)
{
    X509 *cert = NULL;
    if (cert_parse(der, &cert))
        return;
    EXPECT(cert != NULL);
    check_cert(trust, cert);
    X509_free(cert);
}

static void feed_subject(struct trust *trust, X509_NAME *subject)
{
    X509 *cert = X509_dup(tiny_ca()->cert);
    EXPECT(cert != NULL);
    if (X509_set_subject_name(cert, subject) == 1)
        check_cert(trust, cert);
    ERR_clear_error();
    X509_free(cert);
}

/* Each entry: which attribute, of which string type, how long, and its text. */
static X509_NAME *build_subject(struct span rest)
{
    static const char *const fields[] = {"serialNumber", "CN", "O", "C", "OU", "serialNumber"};
    static const int types[] = {V_ASN1_PRINTABLESTRING, V_ASN1_UTF8STRING, V_ASN1_IA5STRING,
                                V_ASN1_BMPSTRING,       V_ASN1_T61STRING,  V_ASN1_OCTET_STRING,
                                V_ASN1_PRINTABLESTRING, MBSTRING_UTF8};
    X509_NAME *name = X509_NAME_new();
    EXPECT(name != NULL);
    while (rest.len > 0) {
        const char *field = fields[take_byte(&rest) % 6];
        int type = types[take_byte(&rest) % 8];
        struct span text = take_span(&rest, take_byte(&rest) % 64);
        int set = take_byte(&rest) % 2 ? -1 : 0; /* with the entry before it, or of its own */
        (void)X509_NAME_add_entry_by_txt(name, field, type, text.data, (int)text.len, -1, set);
    }
    ERR_clear_error();
    return name;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trust *trust;
    X509_NAME *subject = NULL;
    if (trust == NULL)
        trust = tiny_trust(NULL);
    struct span rest = span_of(data, size);
    unsigned form = take_byte(&rest) % 3;
    const uint8_t *at = rest.data;
    if (form == 0)
        feed_whole(trust, rest);
    else if (form == 1)
        subject = d2i_X509_NAME(NULL, &at, (long)rest.len);
    else
        subject = build_subject(rest);
    ERR_clear_error();
    if (subject != NULL)
        feed_subject(trust, subject);
    X509_NAME_free(subject);
    return 0;
}
