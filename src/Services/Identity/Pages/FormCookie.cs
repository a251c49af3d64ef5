namespace EnvPlatform.Identity.Pages;

/// <summary>
/// A cookie that is always for secure connections: the service itself is reached by plain HTTP from the gateway, and the framework would
/// refuse a cookie that asks for more.
/// </summary>
internal sealed class FormCookie : CookieBuilder
{
    public FormCookie()
    {
        Name = "__Host-envplatform-form";
        Path = "/";
        HttpOnly = true;
        SameSite = SameSiteMode.Strict;
        IsEssential = true;
        SecurePolicy = CookieSecurePolicy.None;
    }

    public override CookieOptions Build(HttpContext context, DateTimeOffset expiresFrom)
    {
        var options = base.Build(context, expiresFrom);
        options.Secure = true;
        return options;
    }
}
