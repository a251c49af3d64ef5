namespace EnvPlatform.Scanner.Advisories.Osv;

/// <summary>How much of an archive is unpacked before it is treated as an attack. All records of OSV together stay well below.</summary>
public sealed record OsvLimits
{
    public static OsvLimits Default { get; } = new();

    /// <summary>Bytes of a single record; a larger one is broken.</summary>
    public int RecordBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of everything, unpacked; a larger archive is rejected.</summary>
    public long TotalBytes { get; init; } = 2L << 30;

    /// <summary>Records, and entries of a zip; an archive with more is rejected.</summary>
    public int Records { get; init; } = 1_000_000;
}

/// <summary>An archive that cannot be read completely: not an archive, damaged, or beyond the limits.</summary>
public sealed class OsvArchiveException : Exception
{
    public OsvArchiveException()
    {
    }

    public OsvArchiveException(string message)
        : base(message)
    {
    }

    public OsvArchiveException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
