"""What isn't planted, since no test could or should see it: each kind with its reason."""

import libcst as cst
import libcst.matchers as m

WORDS = 3  # from which on a text is wording

_LOGS = m.Call(func=m.Attribute(value=m.Name("logger")) | m.Name("Logger") | m.Name("print"))  # for people
_HELP = m.Arg(keyword=m.Name("help") | m.Name("metavar") | m.Name("description"))  # what --help says
_TYPED = m.Arg(value=m.Name("TypedDict") | m.Name("Protocol"))
_ALIAS = m.Assign(  # Decision = Start | Refuse
    targets=[m.AssignTarget(m.Name(m.MatchRegex("[A-Z][a-z].*")))],
    value=m.BinaryOperation(operator=m.BitOr()) | m.Subscript(),
)
_READ_BY_MYPY = (
    m.Annotation()
    | _ALIAS
    | m.If(test=m.Name("TYPE_CHECKING"))
    | m.Call(func=m.Name("TypeVar") | m.Name("cast") | m.Name("NewType"))
    | m.ClassDef(bases=[m.ZeroOrMore(), _TYPED, m.ZeroOrMore()])
)
_GUARDS = m.Assert() | m.Arg(  # they only turn a bug of our own into an error
    keyword=m.Name("strict") | m.Name("frozen") | m.Name("slots") | m.Name("kw_only")
)
_DEFAULT = m.Arg(keyword=m.Name("encoding"), value=m.SimpleString('"utf-8"'))  # as it is in Linux anyway
_IMPORTS = m.Import() | m.ImportFrom()  # nothing in them can be changed
_KINDS = _LOGS | m.Expr(_LOGS) | _HELP | _READ_BY_MYPY | _GUARDS | _DEFAULT | _IMPORTS


def is_harmless(node: cst.CSTNode) -> bool:
    """Whether neither a node nor anything in it is changed."""
    return (
        bool(m.matches(node, _KINDS))
        or isinstance(node, cst.ConcatenatedString)  # wording: it is longer than a line
        or (isinstance(node, cst.SimpleString) and len(node.value.split()) >= WORDS)
        or (isinstance(node, cst.FunctionDef) and node.name.value == "__repr__")  # for logs
    )


def is_message(node: cst.CSTNode) -> bool:
    """Whether a part of what is raised is wording; that it is raised, and with which figures, is planted."""
    return isinstance(node, cst.BaseString)
