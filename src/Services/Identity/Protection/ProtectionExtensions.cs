using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Identity.Protection;

/// <summary>Data protection that all instances of Identity share: antiforgery, and whatever else is protected.</summary>
internal static class ProtectionExtensions
{
    public static void AddSharedProtection(this IHostApplicationBuilder builder)
    {
        builder.Services.AddDataProtection().SetApplicationName("envplatform-identity").DisableAutomaticKeyGeneration();
        // Before the keys are read, the framework would look for them and complain. Forms add it too: this comes after them.
        builder.Services.Remove(builder.Services.Single(
            service => service.ImplementationType?.Name == "DataProtectionHostedService"));
        builder.Services.AddSingleton<KnownKeys>();
        builder.Services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(services =>
            new ConfigureOptions<KeyManagementOptions>(options =>
            {
                options.XmlRepository = services.GetRequiredService<KnownKeys>();
                options.XmlEncryptor = new KeyEncryption(services.GetRequiredService<ServiceSecret>());
            }));
        builder.Services.AddPeriodicWork<KeepKeys>();
    }
}
