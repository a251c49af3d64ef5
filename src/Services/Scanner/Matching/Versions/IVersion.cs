namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>A version in one scheme: parsing decides whether a text is one, comparison is a total order and allocates nothing.</summary>
public interface IVersion<TSelf> : IComparable<TSelf>, IEquatable<TSelf>
    where TSelf : struct, IVersion<TSelf>
{
    /// <summary>The original text.</summary>
    string Text { get; }

    /// <summary>False when the text is not a version of this scheme (null and empty never are).</summary>
    static abstract bool TryParse(string? text, out TSelf version);
}
