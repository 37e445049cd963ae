"""What a history of CREATE, DELETE, RENAME, SUBSCRIBE and APPEND, of which every command's begin and end are known, lets
other sessions see meanwhile.

Whatever is true for a while has a Span: it may be seen from `begun` on, must be seen from `done` on, need not be any more
from `ends` on, and must not be from `over` on.  A look at [b, e] is right when all that must be seen the whole time is
seen, and all that is seen may be seen at some moment of it."""
FOREVER = float("inf")


class Span:
    def __init__(self, begun, done, what=None):
        self.begun, self.done, self.ends, self.over, self.what = begun, done, FOREVER, FOREVER, what

    def end(self, begun, done):
        self.ends, self.over = begun, done

    def may(self, b, e):
        return self.begun < e and self.over > b

    def must(self, b, e):
        return self.done <= b and self.ends >= e


class Box:
    def __init__(self, begun, done):
        self.span, self.validity, self.ids, self.spans = Span(begun, done), None, {}, []  # ids: {id: Span}

    def bounds(self, b, e):
        return {i for i, s in self.ids.items() if s.must(b, e)}, {i for i, s in self.ids.items() if s.may(b, e)}


class Model:
    """One writer's names; `tree` has what exists now: a Box, or None where it only holds others."""

    def __init__(self):
        self.tree, self.mail, self.nodes, self.subs = {}, {}, {}, {}  # name -> [Span], of mailboxes, of both, subscribed
        self.boxes, self.validities = [], {}  # name -> those it had

    def below(self, name):
        return [n for n in self.tree if n.startswith(name + "/")]

    def _node(self, name, b, e):
        if name not in self.tree:
            self.tree[name] = None
            self.nodes.setdefault(name, []).append(Span(b, e))

    def _gone(self, name, b, e):
        del self.tree[name]
        self.nodes[name][-1].end(b, e)

    def _put(self, name, box, b, e):
        self._node(name, b, e)
        self.tree[name] = box
        span = Span(b, e, box)
        self.mail.setdefault(name, []).append(span)
        box.spans.append((name, span))
        if box.validity is not None:
            self.validities.setdefault(name, set()).add(box.validity)

    def _take(self, name, b, e):
        self.mail[name][-1].end(b, e)
        box, self.tree[name] = self.tree[name], None
        return box

    def _parents(self, name, b, e):
        for at, c in enumerate(name):
            if c == "/" and name[:at] != "INBOX":
                self._node(name[:at], b, e)

    # -- what a command would be told, and what it does

    def can_create(self, name):
        return self.tree.get(name) is None

    def create(self, name, b, e):
        self._parents(name, b, e)
        box = Box(b, e)
        self.boxes.append(box)
        self._put(name, box, b, e)
        return box

    def can_delete(self, name):
        return name in self.tree and (self.tree[name] is not None or not self.below(name))

    def delete(self, name, b, e):
        if self.tree[name] is not None:
            self._take(name, b, e).span.end(b, e)
        if not self.below(name):
            self._gone(name, b, e)

    def can_rename(self, name, new):
        return name in self.tree and new not in self.tree and not new.startswith(name + "/")

    def rename(self, name, new, b, e):
        moving = {n: self.tree[n] for n in [name, *self.below(name)]}
        for n in moving:
            if self.tree[n] is not None:
                self._take(n, b, e)
            self._gone(n, b, e)
        self._parents(new, b, e)
        for n, box in moving.items():
            n = new + n[len(name):]
            self._node(n, b, e)
            if box is not None:
                self._put(n, box, b, e)

    def subscribe(self, name, on, b, e):
        spans = self.subs.setdefault(name, [])
        there = bool(spans) and spans[-1].over == FOREVER
        if on and not there:
            spans.append(Span(b, e))
        if not on and there:
            spans[-1].end(b, e)


def names_wrong(what, shown, spans, b, e):
    """Complaints about `shown`, of names whose {name: [Span]} are known."""
    out = ["%s shows %s, which was not there" % (what, n) for n in shown if not any(s.may(b, e) for s in spans.get(n, ()))]
    return out + ["%s does not show %s, which was there all the time" % (what, n)
                  for n, all_of_it in spans.items() if n not in shown and any(s.must(b, e) for s in all_of_it)]


def lost_in_rename(shown, boxes, b, e):
    """A mailbox that was there all the time, and had two names while one looked, is shown under one of them."""
    out = []
    for box in boxes:
        if box.span.must(b, e):
            names = [n for n, s in box.spans if s.may(b, e)]
            if len(names) == 2 and not shown & set(names):
                out.append("LIST shows a mailbox neither as %s nor as %s" % tuple(names))
    return out


def candidates(name, spans, b, e):
    """(the mailboxes that the name may have meant, whether it must have meant one)"""
    here = spans.get(name, ())
    return [s.what for s in here if s.may(b, e)], any(s.must(b, e) for s in here)
