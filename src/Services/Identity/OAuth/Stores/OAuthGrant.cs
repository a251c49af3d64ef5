namespace EnvPlatform.Identity.OAuth.Stores;

/// <summary>Somebody lets a client act for it, or is asked to by a device that waits.</summary>
internal sealed class OAuthGrant
{
    public Guid Id { get; set; }

    public string ClientId { get; set; } = "";

    /// <summary>Null: a device waits for somebody.</summary>
    public Guid? SubjectId { get; set; }

    /// <summary>Good for this organization only; null: for all of the subject's.</summary>
    public Guid? OrgId { get; set; }

    /// <summary>code or device.</summary>
    public string Method { get; set; } = "";

    public string Type { get; set; } = "";

    public string Status { get; set; } = "";

    public string[] Scopes { get; set; } = [];

    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>As the device says.</summary>
    public string? Hostname { get; set; }

    /// <summary>The device's, as the gateway saw it.</summary>
    public string? SourceAddress { get; set; }

    /// <summary>The organization that the device asked for, by its slug.</summary>
    public string? AskedOrg { get; set; }

    public int PollSeconds { get; set; }

    public DateTimeOffset? PolledAt { get; set; }
}
