namespace EnvPlatform.Policy.Documents;

/// <summary>
/// The forms of texts in a document, as regular expressions that ECMA-262 and .NET read alike: the validator and the JSON Schema have them
/// from here.
/// </summary>
internal static class Forms
{
    public const string Name = "^[a-z0-9]+(-[a-z0-9]+)*$";

    public const string Line = $"^[^ {PlainLine.Refused}]([^{PlainLine.Refused}]*[^ {PlainLine.Refused}])?$";

    public const string Message =
        "^([^{}" + PlainLine.Refused + "]|\\{(cve|package|fix|deadline|policy|environment)\\})+$";

    public const string Duration = "^(0|[1-9][0-9]{0,3})[hdw]$";

    public const string Age = "^(<|<=|>|>=) *(0|[1-9][0-9]{0,3})[hdw]$";

    public const string Cvss = $"^{Comparison} *(10(\\.0)?|[0-9](\\.[0-9])?)$";

    public const string Epss = $"^{Comparison} *(1(\\.0{{1,5}})?|0(\\.[0-9]{{1,5}})?)$";

    public const string Severity = $"^({Comparison} *)?(none|low|medium|high|critical)$";

    public const string Vulnerability = "^[A-Za-z][A-Za-z0-9]*-[A-Za-z0-9][A-Za-z0-9._:-]{0,98}$";

    public const string Channel = "^[A-Za-z0-9][A-Za-z0-9._:/@%~+-]{0,299}$";

    /// <summary>
    /// The match specifications of conda without brackets: <c>[channel::]name[ version[ build]]</c>, with asterisks in the name and the
    /// build, or <c>name=version=build</c>.
    /// </summary>
    public const string MatchSpec =
        $"^({ChannelPrefix}::)?{PackageName}( *=[ ]*{Version}(\\.?\\*)?={Build}"
        + $"|( *{Compared}| +{Plain})( *[,|] *({Compared}|{Plain}))*( +{Build})?)?$";

    private const string Comparison = "(<|<=|>|>=|==|!=)";

    private const string ChannelPrefix = "[A-Za-z0-9][A-Za-z0-9._/-]*";

    private const string PackageName = "[A-Za-z0-9_*][A-Za-z0-9_.*-]*";

    private const string Version = "([0-9]{1,9}!)?[A-Za-z0-9]+([._][A-Za-z0-9]+)*(\\+[A-Za-z0-9]+([._][A-Za-z0-9]+)*)?";

    private const string Compared = $"((<=|>=|<|>|~=) *{Version}|(==|!=|=) *{Version}(\\.?\\*)?)";

    private const string Plain = $"({Version}(\\.?\\*)?|\\*)";

    private const string Build = "[A-Za-z0-9_.*]+";
}
