namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The answer 422 of the audit API: each thing that is wrong, where it is, and what kind of mistake it is.</summary>
public sealed record InvalidRequest(IReadOnlyList<InvalidRequest.Error> Detail)
{
    /// <param name="Loc">query, header or path, then the name.</param>
    public sealed record Error(IReadOnlyList<string> Loc, string Msg, string Type);

    public static InvalidRequest Of(string place, string name, string message, string type) => new([new([place, name], message, type)]);
}
