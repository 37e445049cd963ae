"""Mail for the benchmark: N messages from a fixed seed, shaped like people's and machines' mail.

    genmail.py FILE N [SEED]      writes an mbox file

Sizes are log-normal around 4 KB (largest about 70 KB); a third is multipart with an alternative or an
attachment, some subjects and names are encoded words, one in seven answers an earlier message.
"""
import base64
import random
import sys
import time

WORDS = ("about account after again answer archive attached before budget build call change client copy date day delay "
         "draft evening figure first folder friday hello house index issue item journal know last letter line list mail "
         "meeting message minute monday morning name network next note number office order paper part people place plan "
         "please point post price print project question reason record reply report request result review room sample "
         "second send server share sheet ship side size small source start station store street table tape text thanks "
         "thing time today travel under update user value version view visit water week window word work world write year").split()
PEOPLE = [("Anna Berg", "anna"), ("Björn Öst", "bjorn"), ("Carla Diaz", "carla"), ("Dmitri Orlov", "dmitri"), ("Eve Stone", "eve"),
          ("Farid Nasser", "farid"), ("Grace Hill", "grace"), ("Hiro Tanaka", "hiro"), ("Inês Prado", "ines"), ("Jörg Maß", "joerg")]
HOSTS = ("example.org", "mail.example.com", "lists.example.net", "post.example.edu")


def encoded(text):
    if text.isascii():
        return text
    return "=?UTF-8?B?%s?=" % base64.b64encode(text.encode()).decode()


def words(rng, count):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def paragraphs(rng, size):
    out, n = [], 0
    while n < size:
        line = words(rng, rng.randint(6, 12)).capitalize() + rng.choice(".,;")
        out.append(line)
        n += len(line) + 1
        if rng.random() < 0.15:
            out.append("")
    return out


def message(rng, number, ids):
    name, local = rng.choice(PEOPLE)
    host = rng.choice(HOSTS)
    when = time.gmtime(1500000000 + number * 977)
    ident = "<%d.%x@%s>" % (number, rng.getrandbits(48), host)
    size = min(70000, int(rng.lognormvariate(7.7, 0.8)))
    subject = words(rng, rng.randint(2, 8)).capitalize() + (" — Grüße" if rng.random() < 0.08 else "")
    lines = ["Return-Path: <%s@%s>" % (local, host),
             "Received: from %s (%s [192.0.2.%d])" % (host, host, rng.randint(1, 254)),
             "\tby mx.example.test with ESMTPS id %x" % rng.getrandbits(60),
             "\tfor <user@example.test>; " + time.strftime("%a, %d %b %Y %H:%M:%S +0000", when),
             "From: %s <%s@%s>" % (encoded(name), local, host), "To: User One <user@example.test>",
             "Date: " + time.strftime("%a, %d %b %Y %H:%M:%S +0000", when), "Message-ID: " + ident]
    if rng.random() < 0.3:
        lines.append("Cc: " + ",\r\n ".join("%s <%s@%s>" % (encoded(n), l, rng.choice(HOSTS)) for n, l in rng.sample(PEOPLE, 3)).replace("\r", ""))
    if ids and rng.random() < 0.15:
        parent = rng.choice(ids[-500:])
        lines += ["In-Reply-To: " + parent, "References: " + parent]
        subject = "Re: " + subject
    lines += ["Subject: " + encoded(subject), "X-Mailer: example 1.%d" % rng.randint(0, 9), "MIME-Version: 1.0"]
    kind = rng.random()
    if kind < 0.66:
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""] + paragraphs(rng, size)
    else:
        mark = "=_%x" % rng.getrandbits(64)
        second = kind < 0.85
        lines += ['Content-Type: multipart/%s; boundary="%s"' % ("alternative" if second else "mixed", mark), "", "--" + mark,
                  "Content-Type: text/plain; charset=utf-8", ""] + paragraphs(rng, size // 3) + ["--" + mark]
        if second:
            lines += ["Content-Type: text/html; charset=utf-8", "", "<html><body><p>"] + paragraphs(rng, size // 2) + ["</p></body></html>"]
        else:
            data = base64.b64encode(rng.randbytes(size // 2)).decode()
            lines += ["Content-Type: application/octet-stream; name=\"file%d.bin\"" % number, "Content-Transfer-Encoding: base64",
                      "Content-Disposition: attachment; filename=\"file%d.bin\"" % number, ""]
            lines += [data[k:k + 76] for k in range(0, len(data), 76)]
        lines.append("--" + mark + "--")
    ids.append(ident)
    return "\n".join(lines).encode() + b"\n"


def messages(count, seed=1):
    rng, ids = random.Random(seed), []
    for number in range(count):
        yield number, message(rng, number, ids)


def write_mbox(path, count, seed=1):
    with open(path, "wb") as f:
        for number, text in messages(count, seed):
            stamp = time.asctime(time.gmtime(1500000000 + number * 977))
            f.write(b"From sender@example.org %s\n" % stamp.encode() + text.replace(b"\nFrom ", b"\n>From ") + b"\n")


if __name__ == "__main__":
    write_mbox(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
