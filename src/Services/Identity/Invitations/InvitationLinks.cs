namespace EnvPlatform.Identity.Invitations;

/// <summary>The addresses of the page on which an invitation is accepted or declined.</summary>
internal sealed class InvitationLinks(IConfiguration configuration)
{
    /// <param name="token">The link holds it: whoever has the link has the token.</param>
    public string Of(string token) => $"{PlatformAddress.Of(configuration)}/invitations/{token}";
}
