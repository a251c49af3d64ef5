namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>A version in one scheme: parsing says whether a text is one, comparing is a total order and allocates nothing.</summary>
public interface IVersion<TSelf> : IComparable<TSelf>, IEquatable<TSelf>
    where TSelf : struct, IVersion<TSelf>
{
    /// <summary>The text as it was given.</summary>
    string Text { get; }

    /// <summary>False when the text is no version of this scheme (null and empty never are).</summary>
    static abstract bool TryParse(string? text, out TSelf version);
}
