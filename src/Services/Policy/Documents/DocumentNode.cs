namespace EnvPlatform.Policy.Documents;

/// <summary>A value of a document, YAML or JSON, before anything is known of what it should be.</summary>
/// <param name="Line">Where it begins, counted from 1; 0 where that is not known.</param>
internal abstract record DocumentNode(int Line)
{
    /// <summary>What it is, for people.</summary>
    public abstract string Found { get; }

    internal sealed record Mapping(IReadOnlyList<(string Key, DocumentNode Value)> Pairs, int Line) : DocumentNode(Line)
    {
        public override string Found => "a mapping";
    }

    internal sealed record Sequence(IReadOnlyList<DocumentNode> Items, int Line) : DocumentNode(Line)
    {
        public override string Found => "a list";
    }

    internal sealed record Text(string Value, int Line) : DocumentNode(Line)
    {
        public override string Found => PolicyError.Quote(Value);
    }

    internal sealed record Flag(bool Value, int Line) : DocumentNode(Line)
    {
        public override string Found => Value ? "true" : "false";
    }

    /// <param name="Written">As it was written.</param>
    internal sealed record Number(string Written, int Line) : DocumentNode(Line)
    {
        public override string Found => $"the number {PolicyError.Shorten(Written)}";
    }

    internal sealed record Nothing(int Line) : DocumentNode(Line)
    {
        public override string Found => "nothing";
    }
}
