namespace EnvPlatform.Scanner.Advisories.Nvd;

/// <summary>The result of reading one record of NVD.</summary>
public abstract record NvdRecord
{
    private NvdRecord()
    {
    }

    /// <param name="Advisory">It affects the projects of the product table only; none when the record is about other products only.</param>
    /// <param name="ExploitedSince">The day on which CISA listed the CVE as known to be exploited.</param>
    public sealed record Valid(Advisory Advisory, DateOnly? ExploitedSince) : NvdRecord;

    /// <summary>The record cannot be used; an import counts it, logs it and goes on.</summary>
    /// <param name="Id">The CVE id, as far as it could be read.</param>
    public sealed record Broken(string? Id, string Reason) : NvdRecord;
}
