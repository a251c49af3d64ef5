namespace EnvPlatform.Scanner.Advisories.Osv;

/// <summary>The result of reading one record of a feed.</summary>
public abstract record OsvRecord
{
    private OsvRecord()
    {
    }

    public sealed record Valid(Advisory Advisory) : OsvRecord;

    /// <summary>The record cannot be used; an import counts it, logs it and goes on.</summary>
    /// <param name="Id">The record's id, as far as it could be read.</param>
    public sealed record Broken(string? Id, string Reason) : OsvRecord;
}
