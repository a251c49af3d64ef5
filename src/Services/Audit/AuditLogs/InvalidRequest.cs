namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The answer 422 of the audit API: each error, its location and its kind.</summary>
public sealed record InvalidRequest(IReadOnlyList<InvalidRequest.Error> Detail)
{
    /// <param name="Loc">query, header or path, then the name.</param>
    public sealed record Error(IReadOnlyList<string> Loc, string Msg, string Type);

    public static InvalidRequest Of(string place, string name, string message, string type) => new([new([place, name], message, type)]);
}
