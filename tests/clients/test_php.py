#!/usr/bin/env python3
"""PHP's imap extension (c-client, what old webmail uses) over IMAP and POP3."""
import json
import os
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import run

harness.need("php")
if b"imap" not in run(["php", "-m"])[1].split():
    print("skipped: not installed: PHP's imap extension (php-imap)")
    sys.exit(77)

SCRIPT = r"""<?php
[$self, $port, $tls, $pop, $user, $pass] = $argv;
$r = [];
$where = "{localhost:$port/imap/notls}";
$m = imap_open($where."INBOX", $user, $pass, 0, 1) or die(json_encode(imap_errors()));
$body = "From: a@b.example\r\nTo: c@d.example\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
  ."Content-Type: multipart/mixed; boundary=XX\r\n\r\n--XX\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
  ."--XX\r\nContent-Type: application/octet-stream; name=f.bin\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--XX--\r\n";
for ($i = 0; $i < 3; $i++) $r["append$i"] = imap_append($m, $where."INBOX", $body);
$r["count"] = imap_num_msg($m);
imap_check($m); imap_ping($m);
$r["count2"] = imap_num_msg($m);
$o = imap_fetch_overview($m, "1:3");
$r["subject"] = imap_utf8($o[0]->subject);
$s = imap_fetchstructure($m, 1);
$r["parts"] = count($s->parts);
$r["part2"] = imap_base64(imap_fetchbody($m, 1, "2")) === "\0\1\2";
$r["part1"] = imap_fetchbody($m, 1, "1");
$r["create"] = imap_createmailbox($m, $where."Entw&APw-rfe") ?: imap_errors();
$r["list"] = array_map(fn($x) => substr($x, strlen($where)), imap_list($m, $where, "*"));
$r["copy"] = imap_mail_copy($m, "1:2", "Entw&APw-rfe");
$r["move"] = imap_mail_move($m, "3", "Trash");
$r["expunge"] = imap_expunge($m);
$r["left"] = imap_num_msg($m);
$r["status"] = imap_status($m, $where."Entw&APw-rfe", SA_ALL)->messages;
$r["search"] = imap_search($m, 'SUBJECT "Gr"');
$r["sort"] = imap_sort($m, SORTARRIVAL, 1);
imap_close($m);
$m = imap_open("{localhost:$tls/imap/ssl/novalidate-cert}INBOX", $user, $pass, 0, 1);
$r["tls"] = $m ? imap_num_msg($m) : imap_errors();
if ($m) imap_close($m);
$m = imap_open("{localhost:$pop/pop3/notls}INBOX", $user, $pass, 0, 1);
$r["pop"] = $m ? imap_num_msg($m) : imap_errors();
if ($m) imap_close($m);
imap_errors(); imap_alerts();
echo json_encode($r);
"""

t = harness.Suite()
with harness.Instance() as i:
    path = harness.scratch() + "/t.php"
    with open(path, "w") as f:
        f.write(SCRIPT)
    status, out, err = run(["php", path, str(i.IMAP_PORT), str(i.IMAPS_PORT), str(i.POP3_PORT), i.USER1, i.PASS1])
    t.equal("the script ran", status, 0)
    try:
        r = json.loads(out.decode().strip().split("\n")[-1])
    except ValueError:
        r = {}
        t.check("its answer", False, out + err)
    for name, wanted in (("append0", True), ("append2", True), ("count2", 3), ("subject", "Grüße"), ("parts", 2), ("part2", True),
                         ("part1", "hello"), ("create", True), ("copy", True), ("move", True), ("expunge", True),
                         ("left", 2), ("status", 2), ("search", [1, 2]), ("tls", 2), ("pop", 2)):
        got = r.get(name)
        t.equal("PHP " + name, unicodedata.normalize("NFC", got) if isinstance(got, str) else got, wanted)
    t.check("PHP list", {"INBOX", "Entw&APw-rfe", "Trash"} <= set(r.get("list") or []), r.get("list"))
t.end()
