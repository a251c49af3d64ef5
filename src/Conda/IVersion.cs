namespace EnvPlatform.Conda;

/// <summary>A version in one scheme: parsing decides whether a text is one, comparison is a total order and allocates nothing.</summary>
public interface IVersion<TSelf> : IComparable<TSelf>, IEquatable<TSelf>
    where TSelf : struct, IVersion<TSelf>
{
    /// <summary>The original text.</summary>
    string Text { get; }

    /// <summary>
    /// It has a part that names a rebuild of the same release (<c>+cu128</c>, <c>+dfsg</c>) and counts in comparisons. An advisory that
    /// names no such part means the release, however it was rebuilt.
    /// </summary>
    bool HasLocal { get; }

    /// <summary>The release, without that part.</summary>
    TSelf WithoutLocal { get; }

    /// <summary>False when the text is not a version of this scheme (null and empty never are).</summary>
    static abstract bool TryParse(string? text, out TSelf version);
}
